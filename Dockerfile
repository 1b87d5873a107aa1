# syntax=docker/dockerfile:1

# The bundles are the same for every processor: built once, on the builder's own.
FROM --platform=$BUILDPLATFORM node:24.21.0-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN node image/bundle.ts /image/app \
  && mkdir -p /image/usr/local/bin \
  && ln -s /app/cli/main.js /image/usr/local/bin/mailhold

FROM node:24.21.0-bookworm-slim AS node

# The C and C++ libraries that Node is linked with, and no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="mailhold" \
  org.opencontainers.image.description="Keeps an organisation's mail: SMTP journaling and IMAP mailboxes into a durable archive, declared as manifests, with lights that do not lie." \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="0.1.0"
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=build /image/ /
ENV PATH=/usr/local/bin:/usr/bin:/bin
ENV NODE_ENV=production
WORKDIR /app
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["mailhold"]
