# The server for fly.toml; the database is another machine's.
FROM node:22-slim AS console
WORKDIR /srv/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci
COPY web/console console
RUN npm run build

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
COPY web/live web/live
COPY --from=console /srv/web/console/dist web/console/dist
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
