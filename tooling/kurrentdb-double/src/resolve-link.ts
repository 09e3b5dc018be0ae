import type { EventLog, LoggedEvent } from "./event-log.ts";
import type { ReadOptionsMessage, ReadResponse } from "./messages.ts";
import { fromLoggedEvent } from "./wire-values.ts";

const LINK_TYPE = "$>";

/** The message for an event; a link is followed when the client asked for it, and stays without an event when it leads nowhere. */
export function toReadEvent(
  log: EventLog,
  event: LoggedEvent,
  options: Pick<ReadOptionsMessage, "uuid_form" | "resolve_links">,
): ReadResponse {
  const isTextId = options.uuid_form?.form === "text";
  const commit_position = String(event.position);
  if (options.resolve_links !== true || event.type !== LINK_TYPE) {
    return { event: { event: fromLoggedEvent(event, isTextId), commit_position } };
  }
  const target = findTarget(log, event);
  const link = fromLoggedEvent(event, isTextId);
  if (target === undefined) return { event: { link, commit_position } };
  return { event: { event: fromLoggedEvent(target, isTextId), link, commit_position } };
}

/** A link says `revision@stream`. */
function findTarget(log: EventLog, link: LoggedEvent): LoggedEvent | undefined {
  const [revision = "", ...streamName] = link.data.toString("utf8").split("@");
  if (!/^\d+$/.test(revision)) return undefined;
  return log.streamEvents(streamName.join("@"))[Number(revision)];
}
