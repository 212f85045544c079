"""What a job of Bacalhau is called, and kept as."""

from shared.jobspec.bacalhau import models as m
from shared.planning.new_job import NamedDocument


def named_document(job: m.Job, name: str) -> NamedDocument:
    document = job.shown() | {"Name": name}
    return NamedDocument(namespace=job.namespace, name=name, labels=job.labels, document=document)
