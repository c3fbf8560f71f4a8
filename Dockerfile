# The image of all Nightshift services, target `nightshift`; docker-compose.yml says what each container runs.
FROM python:3.11-slim-bookworm AS requirements
COPY pyproject.toml .
# A stage of its own: only a changed list of packages, not every edit of pyproject.toml, installs anew.
RUN python -c "import tomllib; toml = tomllib.load(open('pyproject.toml', 'rb')); \
project = toml['project']; extras = project['optional-dependencies']; wanted = [extras[name] for name in sorted(extras) if name not in ('dev', 'spark')]; \
print(*toml['build-system']['requires'], *project['dependencies'], *sum(wanted, []), sep='\n')" > /requirements.txt

# Of the profile `monitoring`: Debian's Prometheus, with our rules.
FROM python:3.11-slim-bookworm AS prometheus
RUN apt-get update -q && apt-get install -y -q --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 nightshift && install -d -o nightshift -g nightshift -m 700 /secrets \
 && rm -rf /var/lib/prometheus && install -d -o nightshift -g nightshift -m 700 /var/lib/prometheus
WORKDIR /opt/nightshift
COPY docker/healthy.py docker/
COPY docker/monitoring docker/monitoring
RUN chmod -R go=rX .
USER nightshift

# Of the profile `serve`: Debian's nginx, with our file.
FROM python:3.11-slim-bookworm AS serve-proxy
RUN apt-get update -q && apt-get install -y -q --no-install-recommends nginx-light && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 nightshift
WORKDIR /opt/nightshift
COPY docker/healthy.py docker/
COPY docker/serving docker/serving
RUN chmod -R go=rX .
USER nightshift

FROM python:3.11-slim-bookworm AS nightshift
# Where pip looks, for a mirror or for the CPU build of torch; empty is pip's own default.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY --from=requirements /requirements.txt /tmp/requirements.txt
COPY constraints.txt /tmp/constraints.txt
RUN pip install --no-cache-dir --disable-pip-version-check --progress-bar off \
      -c /tmp/constraints.txt -r /tmp/requirements.txt

# A new named volume takes owner and mode of the folder it is mounted on.
RUN useradd --uid 1000 --create-home nightshift \
 && install -d -o nightshift -g nightshift -m 700 /secrets /var/lib/nightshift /var/lib/s3 /keys \
      /made/postgres /made/redis /made/s3 /made/init /made/mlflow /made/api-server /made/scheduler /made/worker \
      /made/dag-processor /made/triggerer /made/housekeeper /made/metrics /made/prometheus /made/serve
ENV AIRFLOW_HOME=/var/lib/nightshift/airflow \
    NIGHTSHIFT_HOME=/var/lib/nightshift \
    NIGHTSHIFT_PROJECT=/opt/nightshift \
    DO_NOT_TRACK=true \
    GIT_PYTHON_REFRESH=quiet \
    GX_ANALYTICS_ENABLED=false \
    MLFLOW_DISABLE_TELEMETRY=true \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONUNBUFFERED=1
WORKDIR /opt/nightshift
COPY . .
# Readable for the user even where the builder's umask is strict; compiled, since it may not write here.
RUN chmod -R go=rX . && chmod 755 docker/with-secrets && ln -s "$PWD/docker/with-secrets" /usr/local/bin \
 && pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
      --no-deps --no-build-isolation -e . \
 && python -m compileall -q dags docker models pipelines plugins
ARG NIGHTSHIFT_COMMIT=unknown
ENV NIGHTSHIFT_COMMIT=$NIGHTSHIFT_COMMIT
USER nightshift
ENTRYPOINT ["with-secrets"]
