"""A script as astronomers write them: a token, a paged list, every file, a zip."""

import io
import json
import sys
import zipfile

import requests


def main() -> None:
    """Fetch all frames of a target."""
    base, username, password, target = sys.argv[1:]
    token = requests.post(
        f"{base}api-token-auth/", data={"username": username, "password": password}, timeout=30
    ).json()["token"]
    headers = {"Authorization": f"Token {token}"}

    found = []
    params: dict[str, str | int] = {"OBJECT": target, "limit": 2}
    page = requests.get(f"{base}frames/", params=params, headers=headers, timeout=30).json()
    while True:
        found += page["results"]
        if not page["next"]:
            break
        page = requests.get(page["next"], headers=headers, timeout=30).json()

    sizes = {}
    for frame in found:
        answer = requests.get(frame["url"], timeout=30)
        answer.raise_for_status()
        sizes[frame["filename"]] = len(answer.content)

    bundle = requests.post(
        f"{base}frames/zip/",
        data={"frame_ids[]": [frame["id"] for frame in found], "auth_token": token},
        timeout=30,
    )
    bundle.raise_for_status()
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        members = {each.filename.rpartition("/")[2]: each.file_size for each in archive.infolist()}
    sys.stdout.write(json.dumps({"count": page["count"], "sizes": sizes, "members": members}))


main()
