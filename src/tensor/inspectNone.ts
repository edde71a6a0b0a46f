/** The consoles of browsers show objects by themselves: nothing can be said to them. */
export function inspectable(_of: unknown): void {
  // Nothing to do, so that bundlers leave out the call.
}
