# lastseen in a container: a virtual environment, one config file, one data directory, no root.
# Only `python3` from the PATH is used, so that any base with Python 3.11, pip and CA certificates will do.

FROM docker.io/library/python:3.11-slim-bookworm AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# No pip in the environment: what runs needs none.
RUN python3 -m venv --without-pip /opt/lastseen
# Dependencies in a layer of their own: a change of code does not install them again.
COPY pyproject.toml ./
RUN python3 -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > requirements.txt \
 && python3 -m pip --python /opt/lastseen/bin/python3 install --quiet --quiet --no-compile --requirement requirements.txt
COPY README.md LICENSE ./
COPY config config
COPY docs/runbooks docs/runbooks
COPY monitor monitor
RUN python3 -m pip --python /opt/lastseen/bin/python3 install --quiet --quiet --no-compile --no-deps .
# Bytecode that does not look at its source's time, which copying between stages may change: nothing can write it anew
# in a read-only image, and compiling 400 modules at each start takes seconds.
RUN /opt/lastseen/bin/python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/lastseen/lib
# The container's config is the default one, but reachable from outside and with its data on the volume.
RUN sed -e '/^web:/s|127\.0\.0\.1:|0.0.0.0:|' -e 's|^store: .*|store: sqlite:////var/lib/lastseen/lastseen.db|' \
      config/monitor.yaml > monitor.yaml \
 && grep -q '^web:.*0\.0\.0\.0:9797' monitor.yaml \
 && grep -q '^store: sqlite:////var/lib/lastseen/lastseen\.db$' monitor.yaml

FROM docker.io/library/python:3.11-slim-bookworm
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="lastseen" \
      org.opencontainers.image.description="A synthetic availability monitor for messaging: is it down, or is it me?" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 lastseen \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/lastseen --shell /usr/sbin/nologin lastseen \
 && install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/lastseen
COPY --from=builder /opt/lastseen /opt/lastseen
COPY --from=builder /src/monitor.yaml /etc/lastseen/monitor.yaml
COPY scripts/container_health.py /opt/lastseen/
ENV PATH=/opt/lastseen/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LASTSEEN_HEALTH_URL=http://127.0.0.1:9797/healthz
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
VOLUME /var/lib/lastseen
EXPOSE 9797
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python3", "/opt/lastseen/container_health.py"]
ENTRYPOINT ["lastseen"]
CMD ["run", "/etc/lastseen/monitor.yaml"]
