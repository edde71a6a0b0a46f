// Candidates for the ceiling: the highest multiply-add rate of this build, in loops that keep their operands in registers
// or in the first-level cache. What a loop reaches depends on how the engine allocates registers, so there are several,
// and the fastest counts. Careless loops lie, in both directions:
// - the strict build multiplies and adds apart, so a product that does not change would be taken out of the loop: here
//   every product of a turn has a factor that is new in that turn;
// - accumulators that start alike and go on alike could be merged: here each has numbers of its own;
// - numbers that become subnormal, infinite or NaN would be another machine: bench/peers/kernels.mjs checks each result.
//
// Operands lie from `memory` + RESULT on, in a ring of LINES lines; the sum of all accumulators goes to `memory`.
import { madd } from '../../assembly/simd';

const RESULT: usize = 64;
const LINE: usize = 64;
/** 4 KiB: in every first-level cache. */
const LINES: i32 = 64;

/** 8 chains c = c · a + b in registers, each from its own start: limited by their latency where 8 are too few. */
export function chains8(turns: i32, memory: usize): void {
  const a = v128.load(memory, RESULT);
  const b = v128.load(memory, RESULT + 16);
  let c0 = v128.load(memory, RESULT + 64);
  let c1 = v128.load(memory, RESULT + 128);
  let c2 = v128.load(memory, RESULT + 192);
  let c3 = v128.load(memory, RESULT + 256);
  let c4 = v128.load(memory, RESULT + 320);
  let c5 = v128.load(memory, RESULT + 384);
  let c6 = v128.load(memory, RESULT + 448);
  let c7 = v128.load(memory, RESULT + 512);
  for (let i = 0; i < turns; i++) {
    c0 = madd(c0, a, b);
    c1 = madd(c1, a, b);
    c2 = madd(c2, a, b);
    c3 = madd(c3, a, b);
    c4 = madd(c4, a, b);
    c5 = madd(c5, a, b);
    c6 = madd(c6, a, b);
    c7 = madd(c7, a, b);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7))));
}

/** 10 chains c = c · a + b in registers, each from its own start: limited by their latency where 10 are too few. */
export function chains10(turns: i32, memory: usize): void {
  const a = v128.load(memory, RESULT);
  const b = v128.load(memory, RESULT + 16);
  let c0 = v128.load(memory, RESULT + 64);
  let c1 = v128.load(memory, RESULT + 128);
  let c2 = v128.load(memory, RESULT + 192);
  let c3 = v128.load(memory, RESULT + 256);
  let c4 = v128.load(memory, RESULT + 320);
  let c5 = v128.load(memory, RESULT + 384);
  let c6 = v128.load(memory, RESULT + 448);
  let c7 = v128.load(memory, RESULT + 512);
  let c8 = v128.load(memory, RESULT + 576);
  let c9 = v128.load(memory, RESULT + 640);
  for (let i = 0; i < turns; i++) {
    c0 = madd(c0, a, b);
    c1 = madd(c1, a, b);
    c2 = madd(c2, a, b);
    c3 = madd(c3, a, b);
    c4 = madd(c4, a, b);
    c5 = madd(c5, a, b);
    c6 = madd(c6, a, b);
    c7 = madd(c7, a, b);
    c8 = madd(c8, a, b);
    c9 = madd(c9, a, b);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7))), f32x4.add(c8, c9)));
}

/** 12 chains c = c · a + b in registers, each from its own start: limited by their latency where 12 are too few. */
export function chains12(turns: i32, memory: usize): void {
  const a = v128.load(memory, RESULT);
  const b = v128.load(memory, RESULT + 16);
  let c0 = v128.load(memory, RESULT + 64);
  let c1 = v128.load(memory, RESULT + 128);
  let c2 = v128.load(memory, RESULT + 192);
  let c3 = v128.load(memory, RESULT + 256);
  let c4 = v128.load(memory, RESULT + 320);
  let c5 = v128.load(memory, RESULT + 384);
  let c6 = v128.load(memory, RESULT + 448);
  let c7 = v128.load(memory, RESULT + 512);
  let c8 = v128.load(memory, RESULT + 576);
  let c9 = v128.load(memory, RESULT + 640);
  let c10 = v128.load(memory, RESULT + 704);
  let c11 = v128.load(memory, RESULT + 768);
  for (let i = 0; i < turns; i++) {
    c0 = madd(c0, a, b);
    c1 = madd(c1, a, b);
    c2 = madd(c2, a, b);
    c3 = madd(c3, a, b);
    c4 = madd(c4, a, b);
    c5 = madd(c5, a, b);
    c6 = madd(c6, a, b);
    c7 = madd(c7, a, b);
    c8 = madd(c8, a, b);
    c9 = madd(c9, a, b);
    c10 = madd(c10, a, b);
    c11 = madd(c11, a, b);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7))), f32x4.add(f32x4.add(c8, c9), f32x4.add(c10, c11))));
}

/** 8 accumulators c += a · b in registers. For fused builds alone: with a rounded product it could leave the loop. */
export function fused8(turns: i32, memory: usize): void {
  const b0 = v128.load(memory, RESULT);
  const b1 = v128.load(memory, RESULT + 16);
  const a = v128.load(memory, RESULT + 32);
  let c0 = v128.load(memory, RESULT + 64);
  let c1 = v128.load(memory, RESULT + 128);
  let c2 = v128.load(memory, RESULT + 192);
  let c3 = v128.load(memory, RESULT + 256);
  let c4 = v128.load(memory, RESULT + 320);
  let c5 = v128.load(memory, RESULT + 384);
  let c6 = v128.load(memory, RESULT + 448);
  let c7 = v128.load(memory, RESULT + 512);
  for (let i = 0; i < turns; i++) {
    c0 = madd(a, b0, c0);
    c1 = madd(a, b1, c1);
    c2 = madd(a, b0, c2);
    c3 = madd(a, b1, c3);
    c4 = madd(a, b0, c4);
    c5 = madd(a, b1, c5);
    c6 = madd(a, b0, c6);
    c7 = madd(a, b1, c7);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7))));
}

/** 10 accumulators c += a · b in registers. For fused builds alone: with a rounded product it could leave the loop. */
export function fused10(turns: i32, memory: usize): void {
  const b0 = v128.load(memory, RESULT);
  const b1 = v128.load(memory, RESULT + 16);
  const a = v128.load(memory, RESULT + 32);
  let c0 = v128.load(memory, RESULT + 64);
  let c1 = v128.load(memory, RESULT + 128);
  let c2 = v128.load(memory, RESULT + 192);
  let c3 = v128.load(memory, RESULT + 256);
  let c4 = v128.load(memory, RESULT + 320);
  let c5 = v128.load(memory, RESULT + 384);
  let c6 = v128.load(memory, RESULT + 448);
  let c7 = v128.load(memory, RESULT + 512);
  let c8 = v128.load(memory, RESULT + 576);
  let c9 = v128.load(memory, RESULT + 640);
  for (let i = 0; i < turns; i++) {
    c0 = madd(a, b0, c0);
    c1 = madd(a, b1, c1);
    c2 = madd(a, b0, c2);
    c3 = madd(a, b1, c3);
    c4 = madd(a, b0, c4);
    c5 = madd(a, b1, c5);
    c6 = madd(a, b0, c6);
    c7 = madd(a, b1, c7);
    c8 = madd(a, b0, c8);
    c9 = madd(a, b1, c9);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7))), f32x4.add(c8, c9)));
}

/** 12 accumulators c += a · b in registers. For fused builds alone: with a rounded product it could leave the loop. */
export function fused12(turns: i32, memory: usize): void {
  const b0 = v128.load(memory, RESULT);
  const b1 = v128.load(memory, RESULT + 16);
  const a = v128.load(memory, RESULT + 32);
  let c0 = v128.load(memory, RESULT + 64);
  let c1 = v128.load(memory, RESULT + 128);
  let c2 = v128.load(memory, RESULT + 192);
  let c3 = v128.load(memory, RESULT + 256);
  let c4 = v128.load(memory, RESULT + 320);
  let c5 = v128.load(memory, RESULT + 384);
  let c6 = v128.load(memory, RESULT + 448);
  let c7 = v128.load(memory, RESULT + 512);
  let c8 = v128.load(memory, RESULT + 576);
  let c9 = v128.load(memory, RESULT + 640);
  let c10 = v128.load(memory, RESULT + 704);
  let c11 = v128.load(memory, RESULT + 768);
  for (let i = 0; i < turns; i++) {
    c0 = madd(a, b0, c0);
    c1 = madd(a, b1, c1);
    c2 = madd(a, b0, c2);
    c3 = madd(a, b1, c3);
    c4 = madd(a, b0, c4);
    c5 = madd(a, b1, c5);
    c6 = madd(a, b0, c6);
    c7 = madd(a, b1, c7);
    c8 = madd(a, b0, c8);
    c9 = madd(a, b1, c9);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7))), f32x4.add(f32x4.add(c8, c9), f32x4.add(c10, c11))));
}

/** 8 accumulators of a register tile: two vectors and 4 splats from the cache make 8 products. */
export function tile4x8(turns: i32, memory: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  for (let i = 0; i < turns; i++) {
    const at = memory + RESULT + <usize>(i & (LINES - 1)) * LINE;
    let b0 = v128.load(at);
    let b1 = v128.load(at, 16);
    let a = v128.load32_splat(at, 32);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(at, 36);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(at, 40);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(at, 44);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(c00, c01), f32x4.add(c10, c11)), f32x4.add(f32x4.add(c20, c21), f32x4.add(c30, c31))));
}

/** 8 accumulators of a register tile, 2 lines a turn: two vectors and 4 splats from the cache make 8 products. */
export function tile4x8by2(turns: i32, memory: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  for (let i = 0; i < turns; i += 2) {
    const at = memory + RESULT + <usize>(i & (LINES - 1)) * LINE;
    let b0 = v128.load(at);
    let b1 = v128.load(at, 16);
    let a = v128.load32_splat(at, 32);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(at, 36);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(at, 40);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(at, 44);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    b0 = v128.load(at, 64);
    b1 = v128.load(at, 80);
    a = v128.load32_splat(at, 96);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(at, 100);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(at, 104);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(at, 108);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(c00, c01), f32x4.add(c10, c11)), f32x4.add(f32x4.add(c20, c21), f32x4.add(c30, c31))));
}

/** 8 accumulators of a register tile, 4 lines a turn: two vectors and 4 splats from the cache make 8 products. */
export function tile4x8by4(turns: i32, memory: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  for (let i = 0; i < turns; i += 4) {
    const at = memory + RESULT + <usize>(i & (LINES - 1)) * LINE;
    let b0 = v128.load(at);
    let b1 = v128.load(at, 16);
    let a = v128.load32_splat(at, 32);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(at, 36);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(at, 40);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(at, 44);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    b0 = v128.load(at, 64);
    b1 = v128.load(at, 80);
    a = v128.load32_splat(at, 96);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(at, 100);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(at, 104);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(at, 108);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    b0 = v128.load(at, 128);
    b1 = v128.load(at, 144);
    a = v128.load32_splat(at, 160);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(at, 164);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(at, 168);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(at, 172);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    b0 = v128.load(at, 192);
    b1 = v128.load(at, 208);
    a = v128.load32_splat(at, 224);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(at, 228);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(at, 232);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(at, 236);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(c00, c01), f32x4.add(c10, c11)), f32x4.add(f32x4.add(c20, c21), f32x4.add(c30, c31))));
}

/** 10 accumulators of a register tile, 2 lines a turn: two vectors and 5 splats from the cache make 10 products. */
export function tile5x8by2(turns: i32, memory: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0);
  let c41 = f32x4.splat(0);
  for (let i = 0; i < turns; i += 2) {
    const at = memory + RESULT + <usize>(i & (LINES - 1)) * LINE;
    let b0 = v128.load(at);
    let b1 = v128.load(at, 16);
    let a = v128.load32_splat(at, 32);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(at, 36);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(at, 40);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(at, 44);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    a = v128.load32_splat(at, 48);
    c40 = madd(a, b0, c40);
    c41 = madd(a, b1, c41);
    b0 = v128.load(at, 64);
    b1 = v128.load(at, 80);
    a = v128.load32_splat(at, 96);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(at, 100);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(at, 104);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(at, 108);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    a = v128.load32_splat(at, 112);
    c40 = madd(a, b0, c40);
    c41 = madd(a, b1, c41);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(f32x4.add(c00, c01), f32x4.add(c10, c11)), f32x4.add(f32x4.add(c20, c21), f32x4.add(c30, c31))), f32x4.add(c40, c41)));
}

/** 12 accumulators of a register tile, 2 lines a turn: two vectors and 6 splats from the cache make 12 products. */
export function tile6x8by2(turns: i32, memory: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0);
  let c41 = f32x4.splat(0);
  let c50 = f32x4.splat(0);
  let c51 = f32x4.splat(0);
  for (let i = 0; i < turns; i += 2) {
    const at = memory + RESULT + <usize>(i & (LINES - 1)) * LINE;
    let b0 = v128.load(at);
    let b1 = v128.load(at, 16);
    let a = v128.load32_splat(at, 32);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(at, 36);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(at, 40);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(at, 44);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    a = v128.load32_splat(at, 48);
    c40 = madd(a, b0, c40);
    c41 = madd(a, b1, c41);
    a = v128.load32_splat(at, 52);
    c50 = madd(a, b0, c50);
    c51 = madd(a, b1, c51);
    b0 = v128.load(at, 64);
    b1 = v128.load(at, 80);
    a = v128.load32_splat(at, 96);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(at, 100);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(at, 104);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(at, 108);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    a = v128.load32_splat(at, 112);
    c40 = madd(a, b0, c40);
    c41 = madd(a, b1, c41);
    a = v128.load32_splat(at, 116);
    c50 = madd(a, b0, c50);
    c51 = madd(a, b1, c51);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(f32x4.add(c00, c01), f32x4.add(c10, c11)), f32x4.add(f32x4.add(c20, c21), f32x4.add(c30, c31))), f32x4.add(f32x4.add(c40, c41), f32x4.add(c50, c51))));
}
