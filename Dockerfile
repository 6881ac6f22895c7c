# One image, two commands: `situate web` and `situate worker`, beside a Postgres with pgvector (compose.yaml, docs/operators/containers.md).

FROM debian:trixie-slim AS base
# The release is the pin: naming versions would shut its security updates out.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3.13 \
    && rm -rf /var/lib/apt/lists/*


FROM base AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-pip python3-setuptools \
    && rm -rf /var/lib/apt/lists/* \
    && python3.13 -m venv --without-pip /opt/venv
ENV PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# All that the lock names, each file checked against its hash. Debian's setuptools makes a wheel of what has none (langdetect): a build of its
# own would fetch one that the lock says nothing of.
WORKDIR /wheels
COPY requirements.txt ./
RUN pip wheel --wheel-dir . --no-build-isolation --require-hashes --requirement requirements.txt

# Of it, what running needs: the lock holds the tools of developers too.
COPY pyproject.toml ./
RUN python3.13 -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], *project['optional-dependencies']['traces'], sep='\n')" > needed.txt \
    && pip --python /opt/venv/bin/python install --no-index --find-links . --requirement needed.txt

WORKDIR /app
COPY LICENSE README.md app.py pyproject.toml ./
COPY .streamlit .streamlit
COPY locales locales
COPY db db
COPY rag rag
COPY pages pages
RUN pip --python /opt/venv/bin/python install --no-index --find-links /wheels --no-deps --no-compile --editable . \
    && python3.13 -m compileall -q . \
    && chmod -R a+rX .


FROM base
LABEL org.opencontainers.image.title="Situate" \
      org.opencontainers.image.description="Chat with your own PDFs; every claim opens the page it came from" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:trixie-slim"

RUN groupadd --gid 10001 situate \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/situate --shell /usr/sbin/nologin situate \
    && install --directory --owner=situate --group=situate --mode=0755 /var/lib/situate
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LANG=C.UTF-8 \
    SITUATE_HOME=/var/lib/situate \
    SITUATE_HOST=0.0.0.0 \
    SITUATE_METRICS_PORT=9464
WORKDIR /app
USER 10001:10001
EXPOSE 8501 9464
STOPSIGNAL SIGTERM

# Alive, not ready: who replaces unhealthy containers must not replace all of them while the database is away.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:9464/healthz', timeout=4)"]

ENTRYPOINT ["situate"]
CMD ["web"]
