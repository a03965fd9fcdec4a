"""What an ISO really contains, read by the builder image's own tools in a container."""

from collections.abc import Mapping

from builder.basics.errors import HostError, VerificationError
from builder.border import paths
from builder.border.events import OnEvent
from builder.border.iso_contents import IsoContents
from builder.border.jobs import VERIFY
from builder.border.labels import new_run
from builder.border.requests import Nothing
from builder.host.engine import Bind, ContainerSpec, OpenEngine
from builder.host.engine.faults import BindMissingError
from builder.host.image.builder_image import ensure_builder
from builder.host.results.result_folder import FileFacts, ResultFolder

_SHOWN = 5  # differences


class CannotLookError(HostError):
    """No engine here can open the ISO; this says nothing about the ISO itself."""


def read_contents(
    open_engine: OpenEngine, folder: ResultFolder, iso: str, *, on_event: OnEvent
) -> IsoContents:
    """Return what is in the ISO.

    Raises CannotLookError if there is no engine, VerificationError for a broken ISO.
    """
    try:
        engine = open_engine()
        image = ensure_builder(engine, on_event=on_event)
    except HostError as error:
        raise CannotLookError("{reason}", reason=error) from error
    path = folder.path.resolve() / iso
    spec = ContainerSpec(
        image=image.id,
        job=VERIFY,
        request=Nothing(),
        run=new_run(),
        binds=(Bind(source=str(path), target=paths.MEDIUM),),
    )
    try:
        return engine.run(spec, on_event)
    except BindMissingError as error:
        raise CannotLookError("the engine cannot see {path}", path=path) from error


def check_contents(found: IsoContents, *, whole: FileFacts, said: Mapping[str, FileFacts]) -> None:
    """Compare what is in the ISO with what its manifest says.

    Raises VerificationError that names what is missing, unknown or different. `whole` is the ISO
    as this machine read it.
    """
    if FileFacts(size=found.size, sha256=found.sha256) != whole:
        raise VerificationError(
            "The engine sees a different ISO at this path (sha256 {found}, not {expected})",
            hint="Use an engine on this machine. If it already is, check this machine's memory "
            "and disk.",
            found=found.sha256,
            expected=whole.sha256,
        )
    inside = {each.path: FileFacts(size=each.size, sha256=each.sha256) for each in found.files}
    wrong = [
        *(f"{path} is missing" for path in sorted(said.keys() - inside.keys())),
        *(f"{path} is not in the manifest" for path in sorted(inside.keys() - said.keys())),
        *(
            f"{path} differs"
            for path in sorted(said.keys() & inside.keys())
            if said[path] != inside[path]
        ),
    ]
    if wrong:
        more = len(wrong) - _SHOWN
        shown = "; ".join(wrong[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        raise VerificationError(
            "The ISO does not contain what its manifest lists: {wrong}", wrong=shown
        )
