"""The job that reports what can be built from a source of any kind."""

from typing import assert_never

from builder.border import paths
from builder.border.cache_report import CacheReport
from builder.border.requests import ScanRequest
from builder.border.source import SourceKind
from builder.inside.source import cache_image
from builder.inside.source.scan import find_base, scan_cache, scan_tree
from builder.inside.system.system import System


def scan(request: ScanRequest, *, system: System) -> CacheReport:
    """Report on the source that the container sees. Raises SourceError when it is unusable."""
    match request.kind:
        case SourceKind.CACHE:
            return scan_cache(paths.CACHE, wanted=request.wanted)
        case SourceKind.CACHE_IMAGE:
            with cache_image.mounted(paths.CACHE_IMAGE, paths.CACHE, system=system):
                base = find_base(paths.CACHE)
                return scan_cache(base, volume=paths.CACHE, wanted=request.wanted)
        case SourceKind.TREE:
            return scan_tree(paths.SOURCE)
        case kind:
            assert_never(kind)
