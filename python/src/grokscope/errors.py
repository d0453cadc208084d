"""The errors of this package. Each message says what is wrong, where, what was expected and what to do."""


class GrokscopeError(Exception):
    """Base class of all errors that this package raises on purpose."""


class SamplesError(GrokscopeError):
    """The samples file cannot be used."""


class RoutersNotFound(GrokscopeError):
    """No router was found in a model; the message lists the modules that could be routers."""


class GateRuleUnknown(GrokscopeError):
    """Whether a model's routers score by softmax or by sigmoid is not known."""


class CollectionError(GrokscopeError):
    """The forward passes over the samples did not give what a trace needs."""


class FolderError(GrokscopeError):
    """The output folder holds traces that the new one does not belong to."""


class ProbeSetChanged(FolderError):
    """The folder holds traces of other samples."""


class FolderInUse(FolderError):
    """Another process writes traces into the folder."""


class StepWentBack(FolderError):
    """The folder holds a trace of a later training step."""


class WriteFailed(GrokscopeError):
    """A file could not be written. Nothing incomplete is left under its name."""


class FileIncomplete(GrokscopeError):
    """A file ends before its header says that it does, or its header cannot be read."""
