# The worker: Node, pgdrill, and PostgreSQL's client and server programs (drills run a server here, the sandbox).

FROM node:20.20.2-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY workflows ./workflows
COPY activities ./activities
COPY workers ./workers
COPY scripts ./scripts
RUN npm run build && npm prune --omit=dev

FROM node:20.20.2-bookworm-slim
ARG POSTGRES_MAJOR=17

ENV DEBIAN_FRONTEND=noninteractive

# ssh-keygen (openssh-client) signs evidence. The user comes first, with the uid and gid of the official postgres image: both write into the repository's volume. The Debian
# package would give it any free uid.
RUN apt-get update \
  && apt-get install -y --no-install-recommends openssh-client passwd \
  && groupadd --system --gid 999 postgres \
  && useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql --shell /bin/bash postgres \
  && rm -rf /var/lib/apt/lists/*

# The source's databases have the locale of the official image, en_US.utf8: without it here, a sandbox would refuse connections to
# them. The slim image tells dpkg to leave locale files out.
RUN sed -i '/\/usr\/share\/locale/d' /etc/dpkg/dpkg.cfg.d/docker \
  && apt-get update \
  && apt-get install -y --no-install-recommends locales \
  && echo 'en_US.UTF-8 UTF-8' >> /etc/locale.gen \
  && locale-gen \
  && rm -rf /var/lib/apt/lists/*
ENV LANG=en_US.utf8

# From PostgreSQL's own apt repository, which postgresql-common knows the way to. It carries the newest minor release only, so none
# can be named here; a worker that is newer than the source is fine. Without create_main_cluster=false the server package makes a
# cluster that nobody wants; postgresql-common comes twice, so that its settings are not changed before it is upgraded.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates postgresql-common \
  && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
  && apt-get install -y --no-install-recommends postgresql-common \
  && sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
  && apt-get install -y --no-install-recommends "postgresql-${POSTGRES_MAJOR}" "postgresql-client-${POSTGRES_MAJOR}" \
  && rm -rf /var/lib/apt/lists/*
ENV PGDRILL_PG_BIN=/usr/lib/postgresql/${POSTGRES_MAJOR}/bin NODE_ENV=production

WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY docker/worker ./docker/worker
COPY LICENSE ./

# New volumes take over the owner of the directory that they are mounted on.
RUN install -d -o postgres -g postgres -m 0700 \
    /var/lib/pgdrill /var/lib/pgdrill/state /var/lib/pgdrill/repository /run/pgdrill \
  && chmod +x dist/src/cli/main.js \
  && ln -s /app/dist/src/cli/main.js /usr/local/bin/pgdrill

USER postgres
ENTRYPOINT ["/app/docker/worker/entrypoint.sh"]
CMD ["node", "dist/workers/worker.js"]
