"""What an observatory that runs the OCS pipeline does: ingest files, thumbnails, and both again.

The archive, its token and the file store come from the environment, as the ingester reads them.
"""

import json
import sys
from pathlib import Path

from ocs_ingester.exceptions import DoNotRetryError, NonFatalDoNotRetryError
from ocs_ingester.ingester import frame_exists, upload_file_and_ingest_to_archive


def ingest(file: Path, **options: object) -> dict[str, object]:
    """Ingest a file, and say what became of it."""
    with file.open("rb") as stream:
        known = frame_exists(stream)
    with file.open("rb") as stream:
        try:
            record = upload_file_and_ingest_to_archive(stream, **options)
        except NonFatalDoNotRetryError as error:
            return {"known": known, "outcome": "known", "why": str(error)}
        except DoNotRetryError as error:
            return {"known": known, "outcome": "refused", "why": str(error)}
    kept = {name: record.get(name) for name in ("frameid", "filename", "url", "thumbnail_id")}
    return {"known": known, "outcome": "ingested", **kept}


def main() -> None:
    """Ingest the files of the order that is on standard input."""
    order = json.load(sys.stdin)
    outcomes = [ingest(Path(each.pop("file")), **each) for each in order]
    sys.stdout.write(json.dumps(outcomes))


main()
