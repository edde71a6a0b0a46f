"""PyTorch as a peer: reads requests and writes answers, a line of JSON each, as child.mjs does."""
import ctypes
import json
import re
import sys
import time

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
LEARNING_RATE = 0.01


def load():
    """Imports PyTorch: when it is first needed, because its import is part of what is timed."""
    global torch
    import torch

    torch.set_num_threads(threads)


def blas():
    """Which kernels the BLAS chose for this machine, or was told to take by OPENBLAS_CORETYPE."""
    with open("/proc/self/maps") as maps:
        libraries = {line.split()[-1] for line in maps if "openblas" in line}
    for path in sorted(libraries):
        library = ctypes.CDLL(path)
        for name in ("openblas_get_corename", "openblas_get_corename64_", "scipy_openblas_get_corename"):
            if hasattr(library, name):
                function = getattr(library, name)
                function.restype = ctypes.c_char_p
                return f"OpenBLAS {function().decode()}"
    return re.search(r"BLAS_INFO=(\w+)", torch.__config__.show()).group(1) + " BLAS"


def version():
    capability = re.search(r"CPU capability usage: (.*)", torch.__config__.show())
    try:
        library = blas()
    except (OSError, AttributeError):
        library = "unknown BLAS"
    many = f"{threads} thread{'s' if threads > 1 else ''}"
    return f"{torch.__version__}, {many}, {library}, {capability.group(1) if capability else 'unknown CPU capability'}"


def read(workload, path):
    """Inputs, labels, and the layers with their initial weights: see numbersFile.mjs."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    position = 0

    def take(dtype, *shape):
        nonlocal position
        count = 1
        for size in shape:
            count *= size
        part = torch.frombuffer(data, dtype=dtype, count=count, offset=position).reshape(shape).clone()
        position += 4 * count
        return part

    layers, batch = workload["layers"], workload["batch"]
    x = take(torch.float32, batch, layers[0])
    y = take(torch.int32, batch).long()
    modules = []
    for n, m in zip(layers, layers[1:]):
        linear = torch.nn.Linear(n, m)
        linear.weight.data = take(torch.float32, m, n)
        linear.bias.data = take(torch.float32, m)
        modules += [linear, torch.nn.ReLU()]
    assert position == len(data), "the file of numbers has another length"
    return torch.nn.Sequential(*modules[:-1]), x, y


def step(workload, path):
    model, x, y = read(workload, path)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    loss = torch.nn.CrossEntropyLoss()

    def work():
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        return value

    return work, lambda: [work().item(), work().item()]


def predict(workload, path):
    model, x, _ = read(workload, path)
    model.eval()

    def work():
        with torch.inference_mode():
            return model(x)

    return work, lambda: work()[0].tolist()


TASKS = {"step": step, "predict": predict}


def warm_up(work, seconds):
    begin = time.perf_counter()
    work()
    while time.perf_counter() - begin < seconds:
        work()


def seconds_of(work, seconds):
    """Seconds of one call: the median of samples, each of as many calls as take a fifth of the time."""
    begin = time.perf_counter()
    work()
    once = time.perf_counter() - begin
    if once > seconds:
        return once
    calls = max(1, round(seconds / 5 / max(once, 1e-7)))
    samples = []
    end = begin + seconds
    while len(samples) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(calls):
            work()
        samples.append((time.perf_counter() - start) / calls)
    return sorted(samples)[len(samples) // 2]


works = {}


def answer_to(request):
    command = request["command"]
    if command == "describe":
        load()
        return {"version": version()}
    if command == "prepare":
        if request["task"] not in TASKS:
            return {"able": False}
        work, outcome = TASKS[request["task"]](request["workload"], request["numbers"])
        works[request["id"]] = work
        result = outcome()
        warm_up(work, request["seconds"])
        return {"able": True, "outcome": result}
    if command == "measure":
        return {"seconds": seconds_of(works[request["id"]], request["seconds"])}
    if command == "release":
        works.pop(request["id"], None)
        return {}
    if command == "first":
        begin = time.perf_counter()
        load()
        work, _ = TASKS[request["task"]](request["workload"], request["numbers"])
        work()
        return {"able": True, "seconds": time.perf_counter() - begin}
    raise ValueError(f"unknown command {command}")


for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = answer_to(question)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}".split("\n")[0]}
    print(json.dumps({**answer, "request": question["request"]}), flush=True)
