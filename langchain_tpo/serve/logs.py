"""Log lines as JSON, for programs that read them; figures alone, no text of anybody's."""

import json
import logging
import time


class JsonLines(logging.Formatter):
    """Writes each record as one line of JSON.

    Example:
        >>> record = logging.makeLogRecord({"msg": "request", "levelname": "INFO", "name": "serve"})
        >>> record.tpo = {"status": 200}
        >>> json.loads(JsonLines().format(record))["status"]
        200
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = {"at": f"{at}.{int(record.msecs):03d}Z", "level": record.levelname.lower()}
        told = {**head, "event": record.getMessage(), **getattr(record, "tpo", {})}
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)
