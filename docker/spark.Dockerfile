# Nightshift with Spark and what it runs on, for predict.engine: spark. It begins with the image of ../Dockerfile:
#   docker compose build && docker build -t nightshift-spark -f docker/spark.Dockerfile docker
ARG NIGHTSHIFT_IMAGE=nightshift
FROM ${NIGHTSHIFT_IMAGE}
USER root
RUN apt-get update \
 && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/* \
 && pip install --no-cache-dir --disable-pip-version-check --progress-bar off \
      -c /tmp/constraints.txt pyspark
USER nightshift
