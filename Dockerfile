# The image of all functions; FUNCTION_TARGET chooses one. Without it, it serves all of them as one.
# The digest is that of the index for all platforms, from Docker's own record of the tag
# (github.com/docker-library/repo-info, repos/python/remote/3.11-slim-bookworm.md, September 2026).
ARG PYTHON=python:3.11.16-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${PYTHON} AS dependencies
RUN python -m venv --without-pip /opt/caseledger
COPY requirements.lock /tmp/requirements.lock
RUN python -m pip --python /opt/caseledger/bin/python install --disable-pip-version-check \
    --no-cache-dir --no-compile --require-hashes --only-binary :all: -r /tmp/requirements.lock
COPY . /opt/caseledger/app
# By hash: what is compiled stays right whatever time the files are given on their way.
RUN /opt/caseledger/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/caseledger

FROM ${PYTHON}
# Nothing is installed at run time, and nothing runs as root.
RUN python -m pip uninstall --yes --quiet --root-user-action ignore setuptools wheel pip \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin caseledger \
    && install --directory --owner caseledger --group caseledger /data
COPY --from=dependencies /opt/caseledger /opt/caseledger
ENV PATH=/opt/caseledger/bin:$PATH \
    PYTHONPATH=/opt/caseledger/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYDANTIC_DISABLE_PLUGINS=__all__ \
    FUNCTION_SOURCE=functions/api.py \
    FUNCTION_TARGET=api \
    PORT=8080
WORKDIR /opt/caseledger/app
USER 10001:10001
VOLUME /data
EXPOSE 8080
CMD ["functions-framework"]
