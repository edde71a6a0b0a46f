// The chain rule: y = x², and its derivative at x = 2.
import { tensor } from 'wasmgrad';

const x = tensor(2, { requiresGrad: true });
const y = x.pow(2);
y.backward();
console.log(`y = ${y.item()}, dy/dx = ${x.grad?.item()}`);
