"""PyTorch as a peer: reads requests and writes answers, a line of JSON each, as child.mjs does."""
import json
import sys
import time

import torch
from torch import nn

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
torch.set_num_threads(threads)


def network(layers):
    modules = []
    for i in range(1, len(layers)):
        modules += [nn.Linear(layers[i - 1], layers[i]), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def step(workload):
    layers, batch = workload["layers"], workload["batch"]
    model = network(layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss = nn.CrossEntropyLoss()
    x, y = torch.rand(batch, layers[0]), torch.arange(batch) % layers[-1]

    def work():
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    return work


def predict(workload):
    model = network(workload["layers"]).eval()
    x = torch.rand(workload["batch"], workload["layers"][0])

    def work():
        with torch.no_grad():
            model(x)

    return work


tasks = {"step": step, "predict": predict}


def seconds_of(work, seconds):
    work()
    count, spent = 1, 0.0
    while True:
        begin = time.perf_counter()
        for _ in range(count):
            work()
        spent = time.perf_counter() - begin
        if spent >= seconds / 2:
            return spent / count
        count = max(count + 1, int(count * min(10, seconds / max(spent, 1e-9))))


work = None
for line in sys.stdin:
    request = json.loads(line)
    command = request["command"]
    if command == "describe":
        answer = {"version": f"{torch.__version__}, {threads} thread{'s' if threads > 1 else ''}"}
    elif command == "prepare":
        make = tasks.get(request["task"])
        work = make(request["workload"]) if make else None
        answer = {"able": work is not None}
    else:
        answer = {"seconds": seconds_of(work, request["seconds"])}
    print(json.dumps(answer), flush=True)
