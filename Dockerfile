# The server for fly.toml; the database is another machine's.
FROM python:3.11-slim AS build
WORKDIR /srv/onsite
RUN python -m venv .venv
COPY requirements.lock pyproject.toml README.md ./
RUN .venv/bin/pip install --no-cache-dir --no-deps --requirement requirements.lock
COPY api api
COPY sync sync
COPY jobs jobs
COPY geo geo
COPY mobile_contract mobile_contract
COPY web web
RUN .venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN useradd --system --home-dir /srv/onsite onsite
WORKDIR /srv/onsite
COPY --from=build /srv/onsite/.venv .venv
USER onsite
ENV PATH=/srv/onsite/.venv/bin:$PATH PYTHONUNBUFFERED=1 \
    ONSITE_PRODUCTION=true ONSITE_HOST=0.0.0.0 ONSITE_PORT=8000 ONSITE_LOG_FORMAT=json
EXPOSE 8000
CMD ["onsite", "serve"]
