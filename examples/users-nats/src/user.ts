import { defineAggregate, defineEvents } from "@es/core";
import * as z from "zod";

const profile = z.object({ name: z.string().min(1), email: z.email() });
const renaming = z.object({ name: z.string().min(1) });
const reason = z.object({ reason: z.string() });

const state = z.discriminatedUnion("status", [
  z.object({ status: z.literal("absent") }),
  z.object({ status: z.literal("active"), name: z.string(), email: z.string() }),
  z.object({ status: z.literal("deleted") }),
]);

type UserState = z.infer<typeof state>;

/** A user signs up, may change the name, and may delete the account, which is the end. */
export const User = defineAggregate({
  name: "user",
  events: defineEvents({ UserSignedUp: profile, UserRenamed: renaming, AccountDeleted: reason }),
  commands: { SignUp: profile, Rename: renaming, DeleteAccount: reason },
  state,
  initialState: (): UserState => ({ status: "absent" }),
  evolve: {
    UserSignedUp: (_state, { data }): UserState => ({ status: "active", ...data }),
    UserRenamed: (user, { data }): UserState => (user.status === "active" ? { ...user, name: data.name } : user),
    AccountDeleted: (): UserState => ({ status: "deleted" }),
  },
  decide: {
    SignUp({ data }, user) {
      if (user.status !== "absent") throw new Error(`this user is ${user.status} already`);
      return { type: "UserSignedUp", data };
    },
    Rename({ data }, user) {
      if (user.status !== "active") throw new Error(`a user who is ${user.status} has no name`);
      return user.name === data.name ? [] : { type: "UserRenamed", data };
    },
    DeleteAccount({ data }, user) {
      if (user.status !== "active") throw new Error(`a user who is ${user.status} has no account`);
      return { type: "AccountDeleted", data };
    },
  },
});
