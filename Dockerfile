# syntax=docker/dockerfile:1
# Reward Desk with TLS to PostgreSQL; docs/operating.md ("In a container") says how it is run.

# The page script, by the lock file.
FROM node:22-bookworm-slim AS scripts
WORKDIR /scripts
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl-dev make pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY --from=scripts /scripts/node_modules node_modules
ENV NODE_MODULES=/source/node_modules
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo build --release --locked --features pg-tls \
    && cp target/release/rewarddesk /usr/local/bin/rewarddesk

# The same Debian as above: the program is linked to its libraries.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/rewarddesk --shell /usr/sbin/nologin rewarddesk \
    && chmod 700 /var/lib/rewarddesk
COPY --from=build /usr/local/bin/rewarddesk /usr/local/bin/rewarddesk
# The name of the network that the container is in is known to whoever runs it: inside, it listens on all of its addresses.
ENV DATABASE_URL=sqlite:/var/lib/rewarddesk/desk.db \
    REWARDDESK_LISTEN=0.0.0.0:8080 \
    REWARDDESK_LOG_FORMAT=json
USER 10001
WORKDIR /var/lib/rewarddesk
VOLUME /var/lib/rewarddesk
EXPOSE 8080
# That the process lives, whatever becomes of the database; /readyz is for whoever sends people here. No other program is needed.
HEALTHCHECK --start-period=30s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${REWARDDESK_LISTEN##*:} && printf 'GET /healthz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r answer <&3 && [[ $answer == *' 200 '* ]]"]
ENTRYPOINT ["rewarddesk"]
CMD ["serve"]
