import { type Registers, StoreFormatError } from "@es/core";
import { parseObject } from "../checkpoint/checkpoint.ts";
import { assertIs, someRegisters } from "../definition/member-rules.ts";
import { assertProjectionName } from "../definition/projection-name.ts";

const PREFIX = "live:";

/** The register that says which projection readers of a read model are to use. */
export function liveKey(readModel: string): string {
  return `${PREFIX}${readModel}`;
}

/** The text of that register. */
export function serializeLive(projection: string): string {
  return JSON.stringify({ format: 1, projection });
}

function parseLive(key: string, text: string): string {
  const { format, projection } = parseObject(text) ?? {};
  if (format === 1 && typeof projection === "string") return projection;
  throw new StoreFormatError(
    `register ${JSON.stringify(key)} does not name a projection in a form that this package knows; install the version that wrote it`,
  );
}

/**
 * The projection that readers of a read model are to use, or `undefined` when none was built with `rebuildProjection` yet. For
 * readers that choose a table or an index by name.
 *
 * @param registers - those that the checkpoint is kept in: of the store, or of the sink
 * @throws StoreFormatError when a newer version of this package wrote it
 */
export async function liveProjection<Tx>(
  registers: Registers<Tx>,
  readModel: string,
  options: { readonly tx?: Tx; readonly signal?: AbortSignal } = {},
): Promise<string | undefined> {
  assertProjectionName(readModel);
  assertIs("where the checkpoint is kept", registers, someRegisters);
  const key = liveKey(readModel);
  const register = await registers.get(key, options);
  return register === undefined ? undefined : parseLive(key, register.value);
}

/** The read models that readers use a projection for. */
export async function readModelsOf(
  registers: Registers<unknown>,
  projection: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly string[]> {
  const readModels: string[] = [];
  for await (const key of registers.keys(PREFIX, options)) {
    const readModel = key.slice(PREFIX.length);
    if ((await liveProjection(registers, readModel, options)) === projection) readModels.push(readModel);
  }
  return readModels;
}
