/** Reads JSON in which numbers that JSON does not know stand as `{"$number": "Infinity"}`: plainData.ts writes such. */
export function parsePlain(text: string): unknown {
  return JSON.parse(text, (_, item: { $number?: unknown } | null) =>
    typeof item?.$number === 'string' ? Number(item.$number) : item,
  );
}
