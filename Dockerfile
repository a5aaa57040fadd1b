# lookalike as a service: docker build -t lookalike . && docker run --rm --read-only --tmpfs /tmp \
#   -v shop:/data -v ~/Pictures:/pictures:ro -e LOOKALIKE_SERVE_TOKEN=… -p 8000:8000 lookalike
# Fill /data first: docker run --rm -v shop:/data -v ~/Pictures:/pictures:ro lookalike index /pictures -c /data
# The pictures stay where they are: without them there are results, but no thumbnails and no originals. User 10001
# must be able to read them.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements/demo.lock requirements/demo.lock
RUN python -m venv /opt/lookalike && \
    /opt/lookalike/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/demo.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/lookalike/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent lookalike && install -d -o lookalike /data
COPY --from=build /opt/lookalike /opt/lookalike
ENV PATH=/opt/lookalike/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    LOOKALIKE_COLLECTION=/data \
    LOOKALIKE_SERVE_HOST=0.0.0.0
USER lookalike
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
    ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/v1/ready', timeout=4)"]
ENTRYPOINT ["lookalike"]
CMD ["serve"]
