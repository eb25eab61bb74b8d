"""What the tests ask the real python rq: fill a queue, run its jobs, tell what it sees. usage: URL COMMAND [ARGUMENT…]"""

import json
import sys
from datetime import datetime, timedelta, timezone

from redis import Redis
from rq import Queue, Worker
from rq.command import send_stop_job_command
from rq.job import Job
from rq.registry import (
    CanceledJobRegistry,
    DeferredJobRegistry,
    FailedJobRegistry,
    FinishedJobRegistry,
    ScheduledJobRegistry,
    StartedJobRegistry,
)

REGISTRIES = {
    "started": StartedJobRegistry,
    "finished": FinishedJobRegistry,
    "failed": FailedJobRegistry,
    "scheduled": ScheduledJobRegistry,
    "deferred": DeferredJobRegistry,
    "canceled": CanceledJobRegistry,
}


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def enqueue(connection, specs):
    """Each spec: queue, id, func, and maybe args, meta, after (ids), in (seconds), result_ttl, failure_ttl, front."""
    for spec in json.loads(specs):
        queue = Queue(spec.get("queue", "bot"), connection=connection)
        options = {
            key: spec[key] for key in ("meta", "result_ttl", "failure_ttl", "ttl", "at_front", "description") if key in spec
        }
        options.update(job_id=spec["id"], job_timeout=spec.get("timeout", 600))
        if "after" in spec:
            options["depends_on"] = [Job.fetch(id, connection=connection) for id in spec["after"]]
        function, arguments = "tasks." + spec["func"], spec.get("args", [])
        if "in" in spec:
            queue.enqueue_in(timedelta(seconds=spec["in"]), function, *arguments, **options)
        else:
            queue.enqueue(function, *arguments, **options)


def clone(connection, id, count, registry):
    """So many jobs as this one, in its queue or in a registry of it."""
    fields = connection.hgetall("rq:job:" + id)
    queue = text(fields[b"origin"])
    result = connection.xrange("rq:results:" + id)
    pipe = connection.pipeline(transaction=False)
    for number in range(int(count)):
        new = "%s-%06d" % (id, number)
        pipe.hset("rq:job:" + new, mapping=fields)
        for _, entry in result:
            pipe.xadd("rq:results:" + new, entry)
        if registry == "queued":
            pipe.rpush("rq:queue:" + queue, new)
        else:
            pipe.zadd("rq:%s:%s" % (registry, queue), {new: 4102444800 + number})
        if number % 2000 == 1999:
            pipe.execute()
    pipe.execute()


def view_job(id, connection):
    try:
        job = Job.fetch(id, connection=connection)
    except Exception as error:
        return {"error": type(error).__name__}
    result = job.latest_result() if hasattr(job, "latest_result") else None
    return {
        "status": text(job.get_status(refresh=True)) if job.get_status(refresh=True) else None,
        "origin": job.origin,
        "dependents": sorted(text(one) for one in connection.smembers(job.dependents_key)),
        "result": result.type.name if result else None,
        "meta": job.meta,
        "description": job.description,
        "created_at": job.created_at.isoformat() if job.created_at else None,
        "ended_at": job.ended_at.isoformat() if job.ended_at else None,
    }


def view(connection):
    """Everything that rq sees, by its own functions."""
    queues = {}
    ids = set()
    for queue in Queue.all(connection=connection):
        lists = {"queued": [text(id) for id in queue.get_job_ids()]}
        for name, registry in REGISTRIES.items():
            lists[name] = [text(id) for id in registry(queue.name, connection=connection).get_job_ids()]
        lists["count"] = queue.count
        queues[queue.name] = lists
        ids.update(id for one in lists.values() if isinstance(one, list) for id in one)
    for key in connection.scan_iter("rq:job:*", count=1000):
        id = text(key)[len("rq:job:"):]
        if not (id.startswith(":") or id.endswith(":dependents")):
            ids.add(id)
    workers = [
        {"name": worker.name, "state": text(worker.get_state()), "job": text(worker.get_current_job_id())}
        for worker in Worker.all(connection=connection)
    ]
    jobs = {id: view_job(id, connection) for id in sorted(ids)} if len(ids) <= 500 else len(ids)
    return {"queues": queues, "jobs": jobs, "workers": sorted(workers, key=lambda one: one["name"])}


def main():
    connection = Redis.from_url(sys.argv[1])
    command, arguments = sys.argv[2], sys.argv[3:]
    if command == "enqueue":
        enqueue(connection, *arguments)
    elif command == "clone":
        clone(connection, *arguments)
    elif command == "requeue":
        for id in arguments:
            Job.fetch(id, connection=connection).requeue()
    elif command == "delete-by-row":
        for registry in (FinishedJobRegistry, FailedJobRegistry):
            for id in registry(arguments[0], connection=connection).get_job_ids():
                Job.fetch(id, connection=connection).delete()
    elif command == "cancel":
        for id in arguments:
            Job.fetch(id, connection=connection).cancel()
    elif command == "stop":
        for id in arguments:
            send_stop_job_command(connection, id)
    elif command == "view":
        json.dump(view(connection), sys.stdout)
    elif command == "now":
        print(datetime.now(timezone.utc).isoformat())
    else:
        sys.exit("unknown command " + command)


main()
