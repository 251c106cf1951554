# The image of both processes: `skyshelf serve` (default) and `skyshelf worker`.
# The embedded PostgreSQL is not used in it: SKYSHELF_DATABASE_URL names a server.

FROM python:3.12-slim AS builder

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/skyshelf
ENV PATH=/opt/skyshelf/bin:$PATH

WORKDIR /src
COPY requirements.txt ./
RUN pip install --require-hashes --only-binary :all: -r requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY app ./app
COPY worker ./worker
COPY migrations ./migrations
RUN pip install --no-index --no-deps --no-build-isolation . \
    && python -m compileall -q /opt/skyshelf


FROM python:3.12-slim

RUN groupadd --system --gid 10001 skyshelf \
    && useradd --system --uid 10001 --gid skyshelf --home-dir /data --no-create-home \
        --shell /usr/sbin/nologin skyshelf \
    && install --directory --owner=skyshelf --group=skyshelf --mode=0750 /data

COPY --from=builder /opt/skyshelf /opt/skyshelf

ENV PATH=/opt/skyshelf/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SKYSHELF_DATA_DIR=/data \
    SKYSHELF_HOST=0.0.0.0 \
    SKYSHELF_PORT=8000

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM

HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"SKYSHELF_PORT\"]}/health/live', timeout=4)"]

CMD ["skyshelf", "serve"]
