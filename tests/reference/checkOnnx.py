"""Has onnx's own checker look at what the tests wrote (tests/io/onnx/writeOnnx.test.ts):

    npx vitest run tests/io/onnx && /usr/bin/python3 tests/reference/checkOnnx.py build/onnx
"""
import pathlib
import sys

import onnx

files = sorted(pathlib.Path(sys.argv[1]).glob("*.onnx"))
for file in files:
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    print(f"{file.name}: opset {model.opset_import[0].version}, IR {model.ir_version}, {len(model.graph.node)} nodes")
assert files, "no file to check"
