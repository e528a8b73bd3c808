"""Attempts whose outcome is not known: durable before the first byte is sent. [REC-12]"""

import json
import os

from defects import broken


class Store:
    def __init__(self, path):
        self.path = path
        self.memory = {}
        os.makedirs(path, mode=0o700, exist_ok=True)

    def put(self, attempt):
        self.memory[attempt["key"]] = attempt
        if broken("forgets"):
            return
        place = os.path.join(self.path, attempt["key"])
        with open(place + ".tmp", "w", encoding="utf-8") as file:
            json.dump(attempt, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(place + ".tmp", place + ".json")
        self.sync()

    def remove(self, key):
        self.memory.pop(key, None)
        try:
            os.remove(os.path.join(self.path, key + ".json"))
        except FileNotFoundError:
            return

    def open_attempts(self):
        if broken("forgets"):
            return list(self.memory.values())
        found = []
        for name in sorted(os.listdir(self.path)):
            if name.endswith(".json"):
                with open(os.path.join(self.path, name), encoding="utf-8") as file:
                    found.append(json.load(file))
        return found

    def sync(self):
        directory = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
