// The numbers that both sides use: valid TypeScript and valid AssemblyScript.
//
// A program is an array of instructions in linear memory, each INSTRUCTION_BYTES long, read as 16 words:
//
//   word 0        opcode
//   word 1        flags: FLAG_* in the low byte, the function (Unary, Binary, …) from bit FUNCTION_SHIFT on
//   words 2–7     p0 … p5, pointers in bytes; 0 where an operand is absent; p0 is always the output
//   words 8–12    d0 … d4, dimensions in elements
//   words 13–15   s0 … s2, float32 scalars
//
// A layout ("strides") operand points to int32 words in linear memory; the comment on the opcode gives their order.
// Strides count elements; a stride of 0 broadcasts. `total` is the product of the shape.

export const INSTRUCTION_BYTES = 64;
export const INSTRUCTION_WORDS = 16;

/** out += … instead of out = …, on every opcode marked (+)=. */
export const FLAG_ACCUMULATE = 1;
/** GEMM reads A as [k, m]. */
export const FLAG_TRANSPOSE_A = 2;
/** GEMM reads B as [n, k]. */
export const FLAG_TRANSPOSE_B = 4;
/** UPDATE as SGD takes the Nesterov step. */
export const FLAG_NESTEROV = 8;
/** Targets of a loss are probabilities [rows, classes] instead of class indices [rows]. */
export const FLAG_PROBABILITIES = 16;
/** GEMM writes max(0, ·). */
export const FLAG_RELU = 32;
/** GEMM writes · where p4, a matrix laid out as C, is above 0, else 0. */
export const FLAG_RELU_GRADIENT = 64;
/** GEMM takes a step of SGD without momentum on C, of which · is the gradient; p4 options as UPDATE has them. */
export const FLAG_UPDATE = 128;
/** UPDATE climbs along the gradient instead of descending. */
export const FLAG_MAXIMIZE = 16;
/** UPDATE shrinks the parameter by lr · weightDecay instead of adding weightDecay · parameter to the gradient. */
export const FLAG_DECOUPLED = 32;
export const FUNCTION_SHIFT = 8;

export const enum Opcode {
  /** out[d0] (+)= s0 */
  FILL = 1,
  /** out (+)= s0 · in. p0 out, p1 in, p2 layout [rank, shape…, outStrides…, inStrides…], d0 total. */
  COPY,
  /** y = f(x). p0 y, p1 x, d0 total, s0 and s1 parameters of f. */
  UNARY,
  /** dx (+)= dy · f′(x). p0 dx, p1 dy, p2 x, p3 y, d0 total, s0 and s1 parameters of f. */
  UNARY_GRADIENT,
  /** out = f(a, b), out contiguous. p0 out, p1 a, p2 b, p3 layout [rank, shape…, aStrides…, bStrides…], d0 total. */
  BINARY,
  /**
   * out (+)= s0 · dy · ∂f/∂a (d1 = 0) or ∂f/∂b (d1 = 1), out contiguous. p0 out, p1 dy, p2 a, p3 b,
   * p4 layout [rank, shape…, dyStrides…, aStrides…, bStrides…], d0 total.
   */
  BINARY_GRADIENT,
  /**
   * out[d0] (+)= s0 · reduction over d1 values of in. p0 out (contiguous), p1 in,
   * p2 layout [keptRank, reducedRank, keptShape…, keptStrides…, reducedShape…, reducedStrides…]. With p4, options as UPDATE
   * has them, p0 takes a step of SGD without momentum instead.
   */
  REDUCE,
  /**
   * dx (+)= dy shared equally between the elements equal to the maximum y. p0 dx, p1 dy, p2 x, p3 y, p4 layout as
   * REDUCE (the strides are those of x and dx; dy and y are contiguous [d0]), d0 outputs, d1 values per output.
   */
  MAX_GRADIENT,
  /**
   * C[m, n] (+)= A[m, k] · B[k, n] + bias[n], the bias only without accumulation. p0 C, p1 A, p2 B, p3 bias or 0,
   * p4 as FLAG_RELU_GRADIENT or FLAG_UPDATE want it, d0 m, d1 n, d2 k. All row-major and contiguous;
   * FLAG_TRANSPOSE_A/B; one of FLAG_RELU, FLAG_RELU_GRADIENT and FLAG_UPDATE, each without accumulation.
   */
  GEMM,
  /** y = softmax or log-softmax along d1. p0 y, p1 x, viewed as [d0 outer, d1 length, d2 inner]. */
  SOFTMAX,
  /** dx (+)= gradient of SOFTMAX. p0 dx, p1 dy, p2 y, dimensions as SOFTMAX. */
  SOFTMAX_GRADIENT,
  /**
   * losses[row] = −Σ target · logSoftmax(logits[row]). p0 losses [rows], p1 logits [rows, classes], p2 targets,
   * p3 probabilities out [rows, classes] (= softmax(logits)), d0 rows, d1 classes. With p4 dy the
   * gradient takes the place of the probabilities, as CROSS_ENTROPY_GRADIENT gives it (d2, s0). Stops the program
   * with Status.LABEL when a class index is not an integer in [0, classes).
   */
  CROSS_ENTROPY,
  /**
   * dlogits (+)= s0 · dy · (probabilities · Σ target − target). p0 dlogits, p1 dy, p2 probabilities, p3 targets,
   * d0 rows, d1 classes, d2 stride of dy between rows (0 or 1).
   */
  CROSS_ENTROPY_GRADIENT,
  /**
   * out[i] = table[indices[i]] for rows of d1 elements. p0 out, p1 table, p2 the address of the int32 indices, to be
   * looked up when it runs, d0 rows, d1 width.
   */
  GATHER,
  /**
   * mask[i] = 0 with probability s0, else 1 / (1 − s0); y = x · mask. p0 y, p1 x, p2 mask, p3 generator
   * {u32 seedLow, u32 seedHigh, u32 counterLow, u32 counterHigh}, d0 total. Element i uses the 64-bit number counter + i.
   */
  DROPOUT,
  /** The 64-bit integer at p0 += d0. With p1, options of NADAM, the float64 behind it is multiplied by this step's momentum. */
  COUNT,
  /**
   * A step of an optimizer in place, its function an Update. p0 parameter, p1 gradient, p2 state or 0: {u64 steps so far,
   * f64 product of momenta}, and STATE_BYTES further on the first buffer; p3 options {f32 lr, f32 weightDecay, f64 lr,
   * f64 weightDecay, f64 first, second, third, fourth}, p4 and p5 the other buffers or 0, d0 total, FLAG_NESTEROV,
   * FLAG_MAXIMIZE, FLAG_DECOUPLED.
   */
  UPDATE,
  /**
   * y = (x − mean) / √(variance + s0) for each group of x, viewed as [d0 outer, d1 groups, d2 inner]; with Norm.RMS the
   * mean is taken to be 0. p0 y, p1 x, p2 moments out: means, variances and 1 / √(variance + s0), each [d1].
   */
  NORMALIZE,
  /**
   * dx (+)= (dy − mean(dy) − y · mean(dy · y)) / √(variance + eps), with Norm.RMS without mean(dy). p0 dx, p1 dy, p2 y,
   * p3 moments, dimensions as NORMALIZE.
   */
  NORMALIZE_GRADIENT,
  /** out = (1 − f) · out + f · s1 · in, f = s0 or, where there is a count p2, 1 / count. p0 out, p1 in, d0 total. */
  BLEND,
  /**
   * out[i] = table[indices[i]] for rows of d1 elements. p0 out, p1 table [d2, d1], p2 float32 indices, d0 rows. Stops
   * the program with Status.INDEX when an index is not an integer in [0, d2).
   */
  EMBEDDING,
  /**
   * dtable[indices[i]] (+)= dy[i], but for row s0. p0 dtable [d0, d1], p1 dy [d2, d1], p2 float32 indices, which
   * EMBEDDING has seen, p3 room for d0 + d2 int32, d0 rows of the table, d1 width, d2 rows of dy.
   */
  EMBEDDING_GRADIENT,
  /**
   * out[row] = x[row · d2 + label[row]], 0 where the label is s0. p0 out [d0], p1 x, p2 labels [d0], d0 rows, d1
   * classes, d2 elements from row to row. Stops the program with Status.LABEL as CROSS_ENTROPY does.
   */
  PICK,
  /** dx [d0, d1] (+)= dy[row] at the label, 0 elsewhere. p0 dx, p1 dy, p2 labels, which PICK has seen, s0 as there. */
  PICK_GRADIENT,
}

export const enum Unary {
  NEGATE,
  EXP,
  LOG,
  SQRT,
  ABS,
  SQUARE,
  RELU,
  /** s0 is the slope below zero. */
  LEAKY_RELU,
  SIGMOID,
  TANH,
  /** The exact form, x · Φ(x). */
  GELU,
  SILU,
  /** x where s0 · x is above s1, else log(1 + e^(s0 · x)) / s0. */
  SOFTPLUS,
  /** Between s0 and s1; the gradient passes where s0 ≤ x ≤ s1; NaN stays NaN. */
  CLAMP,
  /** To the power s0. */
  POWER,
  /** x above 0, s0 · (eˣ − 1) below. */
  ELU,
  /** As CLAMP, but the gradient passes where s0 < x < s1. */
  HARDTANH,
  /** x · tanh(log(1 + eˣ)) */
  MISH,
  /** x² / 2 where |x| is below s0, else s0 · (|x| − s0 / 2); divided by s1, which is 1 or s0. */
  HUBER,
}

export const enum Binary {
  ADD,
  SUBTRACT,
  MULTIPLY,
  DIVIDE,
  POWER,
  /** Where both are equal each gets half of the gradient; NaN propagates. */
  MAXIMUM,
  MINIMUM,
  /** a · b, and 0 where the weight b is 0, even if a is infinite or NaN. */
  WEIGH,
  SQUARED_DIFFERENCE,
  /** −b · log a − (1 − b) · log(1 − a), logarithms not below −100. */
  CROSS_ENTROPY,
  /** The same of the logit a. */
  LOGIT_CROSS_ENTROPY,
  /** a, but 0 where b is 0, whatever a is there; no gradient goes through it then. */
  KEEP,
}

export const enum Reduction {
  SUM,
  /** NaN propagates. */
  MAX,
  /** The sum of (in − p2)²: one output, both operands contiguous, p2 no layout. Neither accumulates nor takes a step. */
  SQUARED_DIFFERENCES,
}

/**
 * What UPDATE does: its options from the first on, and its buffers; g is the gradient.
 */
export const enum Update {
  /** momentum, dampening; momentum buffer (or no state). */
  SGD,
  /** beta1, beta2, eps; mean of g, mean of g², and the latter's maximum for amsgrad. */
  ADAM,
  /** beta1, beta2, eps, momentumDecay; mean of g, mean of g². */
  NADAM,
  /** momentum, alpha, eps; mean of g², mean of g where it is centred, momentum buffer. */
  RMSPROP,
  /** lrDecay, nothing, eps; sum of g². */
  ADAGRAD,
  /** nothing, rho, eps; mean of g², mean of squared steps. */
  ADADELTA,
  /** beta1, beta2; mean of g. */
  LION,
}

/** Bytes of the options of UPDATE. */
export const OPTIONS_BYTES = 56;
/** Bytes before the first buffer of the state of UPDATE. */
export const STATE_BYTES = 64;

export const enum Softmax {
  PLAIN,
  LOG,
}

export const enum Norm {
  CENTRED,
  RMS,
}

/** What run() and lead() answer. */
export const enum Status {
  OK,
  /** A class index is none. */
  LABEL,
  /** An index of an embedding is none. */
  INDEX,
  /** A worker trapped; Control.MESSAGE says why. */
  FAILED,
  /** A worker took a slice and did not finish it in time. */
  STALLED,
}

/** Most threads that one control block has room for. */
export const MOST_THREADS = 64;
/** What two threads write to lies this far apart: a cache line. */
export const LINE_BYTES = 64;

/**
 * The control block, through which the threads of one engine work together: offsets in bytes. Words that are written
 * at different times by different threads have cache lines of their own.
 */
export const enum Control {
  // Written by the leader for each shared instruction.
  /** Number of the instruction shared last; workers sleep on it. */
  OPENED = 0,
  /** Pointer to that instruction. */
  INSTRUCTION = 4,
  SCRATCH = 8,
  /** Into how many slices instructions are divided: the threads there are. */
  RANKS = 12,
  /** Not 0: workers return. */
  STOP = 16,

  /** How many workers sleep. */
  SLEEPERS = 64,

  // Written by workers.
  /** Slices that workers have finished since the beginning; the leader sleeps on it. */
  FINISHED = 128,
  /** Not 0: the leader sleeps. */
  LEADER_SLEEPS = 132,
  /** Largest status that a worker's slice gave. */
  STATUS = 136,
  /** Rank of a worker that trapped. */
  FAILED = 140,

  // Set once, but for EXPECTED, which is the leader's own.
  /** What FINISHED becomes when all slices given to workers so far are finished. */
  EXPECTED = 192,
  /** How often a worker looks for the next instruction before it sleeps. */
  WORKER_SPINS = 196,
  /** How often the leader looks whether the workers are done before it sleeps. */
  LEADER_SPINS = 200,
  /** Not 0: the leader may sleep; on a page's main thread it may not. */
  LEADER_MAY_SLEEP = 204,
  /** How often the leader goes on waiting, about a tenth of a second each, before it gives up. */
  PATIENCE = 208,
  /** How often the leader looks whether a worker takes its slice before it does it itself. */
  YIELD_SPINS = 212,
  /** float64: an instruction with less work (nanoseconds, estimated) is the leader's alone. */
  SHARE_FROM = 216,
  /** float64: a program with less work to share wakes nobody who sleeps. */
  WAKE_FROM = 224,

  /** Length and UTF-16 code units of what a worker that trapped has to say. */
  MESSAGE = 256,
  /** For each slice, a line apart: number of the instruction for which it was taken last. */
  TAKEN = 512,

  /** Size of the block: 512 + MOST_THREADS · LINE_BYTES. */
  BYTES = 4608,
}
