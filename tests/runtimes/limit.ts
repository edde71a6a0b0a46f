/** Milliseconds that one run of the suite may take; it takes one or two seconds where nothing else runs. */
export const RUN_LIMIT = 120_000;

/** Milliseconds in which a browser starts or ends. */
export const START_LIMIT = 60_000;

/** The promise's value, or an error after so many milliseconds. */
export async function within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: nothing within ${milliseconds / 1000} s`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
