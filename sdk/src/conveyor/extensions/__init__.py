"""The protocols of extensions: what a package that is installed beside Conveyor builds on.

Stable: every name without a leading underscore in the modules below. It needs nothing but the
standard library, and no other part of Conveyor:

    conveyor.extensions.tasks        what a worker is to run
    conveyor.extensions.runtimes     where tasks run: `conveyor.runtimes`
    conveyor.extensions.mounts       what containers mount: `conveyor.mounts`
    conveyor.extensions.middlewares  what wraps API requests: `conveyor.api_middlewares`
    conveyor.extensions.listeners    what hears of changes: `conveyor.event_listeners`
    conveyor.extensions.files        where files are: `conveyor.file_stores`

The promise follows the version of the distribution `conveyor-sdk`, MAJOR.MINOR.PATCH:

- An extension written for MAJOR.MINOR works with every later version of the same MAJOR. While MAJOR
  is 0, this holds for the same MINOR.
- A new MINOR may add names, fields with defaults (`TaskSpec`), members of what Conveyor hands over
  (`MountContext`, `OperatorSettings`, `Caller`), and keys of `Change`. A method that an extension
  has to have beside those of today is a new MAJOR.
- What is to go is announced in CHANGELOG.md one MINOR before it goes with a MAJOR.

An extension states it so: `dependencies = ["conveyor-sdk>=1.2,<2"]`. Whatever else is imported from
Conveyor's packages has no promise.
"""
