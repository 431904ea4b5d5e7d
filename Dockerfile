# syntax=docker/dockerfile:1
# Landform in an image:
#
#   docker build --tag landform .
#   docker run --rm --volume "$PWD:/repository" landform compile
#
# With Terraform, for `landform plan`, `apply` and `lock`:
#
#   docker build --target with-terraform --tag landform:with-terraform .

ARG PYTHON=3.13-slim-bookworm
ARG TERRAFORM=1.11.4

FROM python:${PYTHON} AS build
WORKDIR /source
COPY requirements/runtime.lock requirements/runtime.lock
# Exact versions, with hashes; then Landform itself, from this source alone.
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements/runtime.lock
COPY pyproject.toml README.md ./
COPY compiler compiler
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:${PYTHON} AS landform
# git reads other revisions, for `landform diff`. The mounted repository belongs to whoever owns it outside,
# which git would refuse.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*' \
    && useradd --uid 1000 --create-home landform \
    && install --directory --mode 1777 /var/cache/landform
COPY --from=build /venv /venv
# Caches go where any user may write: `docker run --user "$(id -u):$(id -g)"` has no home folder.
ENV PATH="/venv/bin:$PATH" HOME=/var/cache/landform
USER 1000
WORKDIR /repository
ENTRYPOINT ["landform"]
CMD ["--help"]

FROM hashicorp/terraform:${TERRAFORM} AS terraform

FROM landform AS with-terraform
COPY --from=terraform /bin/terraform /usr/local/bin/terraform

# What `docker build .` makes is the last stage.
FROM landform
