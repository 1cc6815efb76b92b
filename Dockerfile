# One image for both programs: the host by default, the index with `plugin-index serve --host 0.0.0.0 --home /data`.
FROM python:3.11-slim

RUN useradd --system --uid 10001 --home-dir /data --create-home plughost
WORKDIR /opt/plughost
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY requirements requirements
COPY scripts/setup scripts/setup
COPY src src
COPY plugin_index plugin_index
RUN scripts/setup --run && chmod -R a+rX /opt/plughost

ENV PATH=/opt/plughost/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER plughost
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["plughost", "serve", "--host", "0.0.0.0", "--home", "/data"]
