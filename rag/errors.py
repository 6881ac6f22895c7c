"""Every error a person may meet, as a tree. A message is one or two sentences: what happened, and what to do.

SituateError
 |- SettingsError            a setting is wrong; nothing was started
 |- UploadError              the file was not taken; nothing was stored
 |- UnreadableDocument       the stored file cannot be indexed; retrying will not help
 |   |- NeedsPassword            until its password is given
 |- WrongPassword            it does not open the document
 |- RecognitionFailed        a page's picture could not be read; its other pages can
 |- DocumentGone             the document was deleted while work on it was under way
 |- QuestionError            the question cannot be searched for
 |- ConversationError        it cannot be done to this conversation; nothing was changed
 |   |- ConversationGone         it was deleted
 |- NothingToSearch          no document is ready in what was selected
 |- QuestionSetError         a set of questions to measure with is wrong; nothing was measured
 |- BackupError              the library was not saved, or not restored; what there was is as it was
 |- PriceNotAgreed           sending it would cost more than may be spent without asking; nothing was sent
 |- ProviderError            a model provider answered with an error
     |- PermanentProviderError    bad key, no rights, unknown model: asking again will not help
     |   |- RejectedRequest           this very request will not do; another may
     |- TransientProviderError    overloaded, rate limited, unreachable: asking again may help

Whether a provider's error is permanent or transient is decided once, in its adapter. Errors of the database (`db.DatabaseRefused`)
are raised by `db`, which imports nothing of ours.
"""

from rag.redaction import blotted_all


class SituateError(Exception):
    """Something went wrong that a person can act on; ``str()`` is the sentence they read. It holds no secret, whoever wrote a part of it."""

    def __init__(self, *told: object) -> None:
        super().__init__(*blotted_all(told))


class SettingsError(SituateError):
    """A setting is wrong; nothing was started."""


class UploadError(SituateError):
    """The file was not taken; nothing was stored."""


class UnreadableDocument(SituateError):
    """The file cannot be indexed: damaged, encrypted, without text, or beyond a limit. Retrying will not help."""


class NeedsPassword(UnreadableDocument):
    """The file is encrypted and opens with a password only."""


class WrongPassword(SituateError):
    """The password does not open the document; nothing was changed."""


class RecognitionFailed(SituateError):
    """The text of one page could not be recognised from its picture; the other pages are not concerned."""


class DocumentGone(SituateError):
    """This document has been deleted."""

    def __init__(self, sentence: str = "This document has been deleted.") -> None:
        super().__init__(sentence)


class QuestionError(SituateError):
    """The question is empty, or too long to be one."""


class ConversationError(SituateError):
    """It cannot be done to this conversation; nothing was changed."""


class ConversationGone(ConversationError):
    """This conversation has been deleted."""

    def __init__(self) -> None:
        super().__init__("This conversation has been deleted.")


class NothingToSearch(SituateError):
    """No document is ready in what was selected."""


class QuestionSetError(SituateError):
    """A set of questions to measure with is wrong; nothing was measured."""


class BackupError(SituateError):
    """The library was not saved, or not restored; what there was is as it was."""


class PriceNotAgreed(SituateError):
    """Sending it would cost more than may be spent without asking; nothing was sent."""


class ProviderError(SituateError):
    """A model provider answered with an error."""


class PermanentProviderError(ProviderError):
    """Asking again will not help: bad key, no rights, unknown model."""


class RejectedRequest(PermanentProviderError):
    """This very request will not do: too long, malformed, or its content is refused. Another may."""


class TransientProviderError(ProviderError):
    """Asking again may help: overloaded, rate limited, unreachable.

    ``retry_after`` is the provider's own wish in seconds, when it stated one.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
