"""The words of other tools for what the job language calls otherwise: of GitHub Actions, GitLab CI,
Compose, Kubernetes, Argo, Airflow, Kestra, Nomad, Ansible, Bacalhau, and of people who guess."""

from collections.abc import Mapping

_BY_FIELD: Mapping[str, str] = {
    # Tasks
    "name": "id title label key taskId jobId stepName displayName containerName alias task_id",
    "description": "desc comment comments doc docs notes about summary",
    "image": "container docker dockerImage containerImage imageName baseImage from",
    "run": "script scripts shell bash sh code exec commands command shellCommand bashCommand "
    "action steps step source inline",
    "cmd": "command args arguments argv commandArgs",
    "entrypoint": "entry program executable",
    "env": "environment envs envVars environmentVariables variables vars envFrom containerEnv "
    "setEnv withEnv exports environ envFile with",
    "files": "configs configMap config inputFiles templates template",
    "workdir": "workingDirectory workingDir cwd dir directory chdir workDirectory pwd",
    "queue": "runsOn pool worker workers workerPool workerGroup nodeSelector taskQueue agent "
    "agents agentPool datacenters partition machine runner executor",
    "if": "when condition conditions onlyIf runIf only rules guard unless except skipIf expression",
    "needs": "dependsOn depends dependencies dependency after require requires upstream waitFor "
    "runAfter upstreamTasks previous predecessors prerequisites parents deps",
    "retry": "retries maxRetries attempts maxAttempts retryPolicy retryStrategy retryCount "
    "backoffLimit restartPolicy restart backoff retryDelay",
    "timeout": "timeoutMinutes timeoutSeconds timeoutInMinutes timeoutSec activeDeadlineSeconds "
    "executionTimeout maxDuration maxRuntime deadline killTimeout timeLimit walltime taskTimeout "
    "startToCloseTimeout",
    "queueTimeout": "schedulingTimeout pendingTimeout waitTimeout scheduleToStartTimeout",
    "gracePeriod": "stopGracePeriod terminationGracePeriodSeconds terminationGracePeriod grace "
    "killGrace stopTimeout",
    "stopSignal": "killSignal signal terminationSignal",
    "priority": "prio weight importance priorityWeight priorityClassName nice",
    "allowFailure": "continueOnError ignoreErrors ignoreError ignoreFailure continueOnFail "
    "softFail optional allowFail failOk continueOn continueOnFailure triggerRule",
    "limits": "resources resource deploy quota ulimits requests containerResources",
    "mounts": "volumes volumeMounts volume mount binds bind disks storage volumesFrom",
    "sources": "inputSources inputSource download downloads fetch stageIn inputArtifacts inputData "
    "dataSources importFiles",
    "artifacts": "artifact resultPaths resultPath outputFiles outputFile outputPaths "
    "outputArtifacts uploadArtifact uploadArtifacts storeArtifacts upload uploads stageOut collect "
    "persist keep save",
    "publish": "publisher publishers publishTo exportTo uploadTo copyTo",
    "largeResult": "largeOutput bigResult resultArtifact",
    "sidecars": "services service sidecar containers sidecarContainers",
    "pre": "beforeScript before init initContainers initContainer setup prestart preRun hooks",
    "post": "afterScript after onExit cleanup teardown finally poststop always postRun",
    "networks": "net",
    "network": "networkMode networking",
    "placement": "affinity nodeAffinity scheduling placementPolicy",
    "successCodes": "exitCodes successExitCodes okExitCodes allowedExitCodes validExitCodes "
    "acceptedExitCodes",
    "wasm": "wasmModule webassembly",
    "gpus": "gpu accelerators devices accelerator gpuCount",
    "registry": "imagePullSecrets registryAuth auth credentials login dockerAuth imageCredentials",
    "privileged": "securityContext privilege root",
    "var": "output outputs register saveAs result resultVar outputVar outputName outputKey export "
    "storeAs",
    "each": "forEach for matrix strategy withItems withParam withSequence loop items map expand "
    "forAll fanOut foreachItem eachItem",
    "parallel": "concurrent branches group fork allOf",
    "spawn": "dynamic dynamicTasks generate produces mapReduce mapreduce expandAtRuntime",
    "subjob": "workflow subWorkflow subflow trigger call childWorkflow flow triggerDagRun "
    "templateRef pipeline childJob",
    # Jobs
    "tasks": "steps step jobs job stages stage nodes dag activities actions operators task states "
    "pipeline workflow flow spec containers branches taskGroups do",
    "inputs": "params parameters args arguments input with variables vars config values "
    "inputValues",
    "secrets": "secret credentials vault secretVariables passwords secretEnv tokens",
    "output": "outputs result results return returns",
    "webhooks": "notify notifications webhook callbacks callback onSuccess onFailure onError hooks "
    "alerts listeners emailNotifications notification",
    "permissions": "acl access owners visibility sharedWith",
    "schedule": "cron on triggers trigger scheduleInterval interval every periodic schedules",
    "hold": "draft held paused suspend suspended isHeld preview",
    "startAt": "notBefore startTime startsAt runAt start delay scheduledAt startDate",
    "budget": "maxCost costLimit spendingLimit",
    "startRate": "rateLimit maxStartRate maxRate throttle tasksPerSecond requestsPerSecond rate",
    "deadline": "endBy notAfter endAt dueAt finishBy mustEndAt expiresAt",
    "autoDelete": "ttl ttlSecondsAfterFinished retention expire expiresIn cleanup deleteAfter "
    "ttlStrategy removeAfter",
    "wait": "sync synchronous blocking block await",
    "defaults": "default common base shared taskDefaults pluginDefaults defaultArgs",
    "tags": "labels label annotations keywords tag categories",
    # Retries
    "limit": "retries maxRetries attempts maxAttempts max maxAttempt count times number maximum "
    "maximumAttempts retryCount tries maxTries retry",
    "initialDelay": "delay interval backoff retryDelay wait initialInterval minBackoff pause "
    "duration initial sleep initialBackoff period delaySeconds minDelay backoffSeconds",
    "maxDelay": "maxInterval maximumInterval maxRetryDelay maxBackoff cap maxDuration",
    "scalingFactor": "factor multiplier exponential backoffFactor backoffCoefficient rate base "
    "backoffMultiplier exponent exponentialBackoff",
    "jitter": "random randomize randomFactor jitterFactor",
    "on": "exitCodes when onExitCodes retryOn reasons only errors onErrors retryableErrors "
    "exitCode retryIf conditions",
    "resetAfter": "resetDelay resetInterval resetTime",
    # Placement
    "count": "replicas instances copies desiredCount scale",
    "constraints": "matchExpressions nodeSelectorTerms selector selectors nodeSelectors",
    "prefer": "favour favor preferences preferred softConstraints",
    "onePerNode": "distinctHosts antiAffinity podAntiAffinity",
    "maxPerNode": "maxReplicasPerNode maxTasksPerNode max_tasks_per_node",
    "minNodes": "gang minMember minAvailable min_nodes gangSize",
    "operator": "op",
    "values": "value",
    "disk": "ephemeralStorage storage diskSize diskGb",
    "update": "updateConfig rollingUpdate updatePolicy updateStrategy strategy",
    "maxUnavailable": "maxParallel parallelism",
    "healthyAfter": "minHealthyTime minReadySeconds monitor",
    "ports": "expose portMappings publishPorts",
    "static": "hostPort published",
    "address": "hostIp hostNetwork bindAddress ip",
    "domains": "allow allowList allowed hosts egress",
    "module": "entryModule",
    "imports": "importModules",
    # Limits
    "cpus": "cpu cores vcpu vcpus processors nanoCpus cpuLimit cpuCount",
    "memory": "mem ram memoryMb memoryLimit memLimit memoryMax",
    # Each
    "list": "items in values over expression matrix withItems elements collection sequence of from "
    "array data iterable",
    "task": "do tasks steps template step run action",
    "concurrency": "maxParallel parallelism max limit batchSize maxConcurrency maxActive workers "
    "concurrent concurrencyLimit",
    "minSuccess": "minimum threshold atLeast minSucceeded successThreshold quorum",
    "maxFailed": "maxFailures tolerance toleratedFailures maxFailedPercent failureThreshold atMost",
    "onFailure": "failFast failurePolicy errorStrategy onError onChunkFailure",
    # Files
    "artifact": "fromArtifact from artifactName task artifacts",
    "upload": "file input uploadId uploads",
    "s3": "bucket minio gcs s3Object objectStore",
    "ipfs": "cid",
    "inline": "content contents data text raw value",
    "local": "localDirectory hostPath sourcePath host directory",
    "extract": "unpack untar unzip decompress archive",
    "sha256": "checksum digest hash checksumSha256 integrity",
    "readOnly": "ro readWrite",
    "key": "object prefix objectKey path",
    "style": "pathStyle forcePathStyle usePathStyle addressing addressingStyle",
    "versionId": "version",
    "accessKey": "accessKeyId awsAccessKeyId",
    "secretKey": "secretAccessKey awsSecretAccessKey accessKeySecret",
    "sessionToken": "awsSessionToken token",
    # Mounts, probes, logins
    "source": "src from hostPath host bind device",
    "target": "dst destination path mountPath to containerPath mountPoint dest alias",
    "type": "kind driver",
    "opts": "options driverOpts mountOptions settings",
    "probe": "healthcheck readinessProbe readiness health livenessProbe startupProbe check ready",
    "path": "httpGet url endpoint uri route paths file files directory dir location src",
    "port": "tcpSocket containerPort ports",
    "username": "user login account",
    "password": "pass token secret passwd",
    # Webhooks, schedules, the rest
    "url": "uri endpoint address target href link to hook http urlDownload",
    "headers": "header httpHeaders",
    "event": "on events type trigger when",
    "interval": "every each period frequency fixedRate repeatEvery",
    "at": "when once runAt date",
    "cron": "expression schedule crontab cronExpression cronSchedule",
    "timezone": "tz zone timeZoneName timezoneId location",
    "overlap": "concurrencyPolicy prohibitOverlap coalesce concurrency maxActiveRuns",
    "catchUp": "backfill misfire startingDeadlineSeconds missed catchupPolicy",
    "after": "ttl delay duration seconds in age time",
    "role": "group groups team roles",
    "user": "username users owner member",
    "detached": "async fireAndForget background wait detach waitForCompletion",
}


def _fields_by_word() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for field, words in _BY_FIELD.items():
        for word in words.lower().replace("_", "").split():
            found.setdefault(word, []).append(field)
    return found


WORDS = _fields_by_word()
"""The fields that a word may mean, likeliest first. Words are in small letters without dashes."""

_KUBERNETES = "a job has no header as in Kubernetes, only name, tasks and what they share"
_NO_DIRECTORY = "tasks share no directory: artifacts keeps files, and sources brings them to others"
_KINDS = "a source names its kind itself: url, or s3 with bucket and key"
_AS_THE_JOB = "artifacts stay as long as their job: see autoDelete"
_ANCHORS = "to share parts within a file, use the anchors of YAML (&name, *name, <<)"
_PULLED = "a worker pulls each image that it does not have"

MEANINGS: Mapping[str, str] = {
    **dict.fromkeys(("apiversion", "kind", "metadata"), _KUBERNETES),
    **dict.fromkeys(("cache", "workspace", "workspaces"), _NO_DIRECTORY),
    **dict.fromkeys(("source", "params", "type"), _KINDS),
    **dict.fromkeys(("expirein", "retentiondays", "retention"), _AS_THE_JOB),
    **dict.fromkeys(("extends", "include", "includes", "anchors", "import", "imports"), _ANCHORS),
    **dict.fromkeys(("imagepull", "imagepullpolicy", "pullpolicy", "pull"), _PULLED),
    "uses": "there are no ready-made actions: name an image, and what it runs; artifacts keeps "
    "files and sources brings them",
    "version": "a job file has no version",
    "build": "images are not built here: name one that exists with image",
}
"""What can't be said with any field, by the same words."""
