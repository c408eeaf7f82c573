/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors inside their processes, and for whoever asks one: the natives, and
 * what they and the service (interp/actors.h) say to each other.
 */
#ifndef INTERP_ACTOR_H
#define INTERP_ACTOR_H

#include "interp/native.h"

/*
 * The handle of the service, the first object of the environment:
 *   SPAWN    arg: index of the actor; the bytes: a message of its parameters; done.arg: its address
 *   SEND     the bytes: a struct interp_letter, then a message of the parameters
 *   CALL     the same; with PROC_OP_LAND; the answer is a message of the result
 *   MONITOR, LINK   arg: the address
 * Whoever does not live is -VK_EDIED, with done.arg INTERP_ENDED_BEFORE when it had ended before it was
 * asked. SPAWN, SEND and CALL are -VK_ETOOBIG when the message could not find room even in an actor that
 * holds nothing, with done.arg: what it takes there << 32 | what there is. Answers to a CALL without bytes:
 * -VK_ECANCELED, the actor ends and the message had no turn; -VK_ENOENT, it has no such method;
 * -VK_ETOOBIG, the result is larger than a message.
 */
#define INTERP_ACTORS_HANDLE 2u
#define INTERP_ENDED_BEFORE  1u

struct interp_letter {
    uint64_t to;
    uint64_t hash; /* of the method */
};

/* An address is the name of a process, or this and the place of a supervised child in the program. */
#define INTERP_ADDRESS_CHILD ((uint64_t)1 << 63)

/*
 * X(name, signature, function) of turns, for the root function of an actor. A
 * turn is a message or a timer:
 *   actor.params        the start argument
 *   actor.next (actor)  waits for the next turn: the place of its method, or their number plus that of the
 *                       timer; ends the process after actor.stop. Each turn has its own CPU time
 *   actor.args          the parameters of the message
 *   actor.reply         the turn's result, of whatever kind
 *   actor.every (timer, ns)  a turn after that time
 */
#define INTERP_TURN_NATIVES(X)            \
    X("actor.params", ">r", actor_params) \
    X("actor.next", "i>i", actor_next)    \
    X("actor.args", ">r", actor_args)     \
    X("actor.reply", "mn>-", actor_reply) \
    X("actor.every", "ii>-", actor_every) \
    X("actor.stop", ">-", actor_stop)

extern const struct interp_native interp_turn_natives[];

/*
 * Of those who start and ask; a method is its actor's place * 65536 + its own.
 *   actor.start (parameters, actor)                   the new one's address
 *   actor.child (place)                               the address of a supervised one
 *   actor.send (address, parameters, method)          waits for room in its mailbox
 *   actor.call (address, parameters, method, ns)      the result; traps without one
 *   actor.ask  (the same)                             0, 1 died, 2 too late; then, after 0,
 *   actor.answer                                      gives the result
 *   actor.same, actor.link, actor.monitor             monitor waits, and gives the reason
 */
#define INTERP_ACTOR_NATIVES(X)           \
    X("actor.start", "Mi>A", actor_start) \
    X("actor.child", "i>A", actor_child)  \
    X("actor.send", "AMi>-", actor_send)  \
    X("actor.call", "AMii>r", actor_call) \
    X("actor.ask", "AMii>i", actor_ask)   \
    X("actor.answer", ">r", actor_answer) \
    X("actor.same", "AA>i", actor_same)   \
    X("actor.link", "A>-", actor_link)    \
    X("actor.monitor", "A>S", actor_monitor)

extern const struct interp_native interp_actor_natives[];

/* fiber.wait (fiber, ns): until it has ended; traps after that time. */
#define INTERP_WAIT_NATIVES(X) X("fiber.wait", "Fi>-", fiber_wait)

extern const struct interp_native interp_wait_natives[];

#define INTERP_TURN_REDUCTIONS  250000000u /* CPU time of one turn: a second */
#define INTERP_NS_PER_REDUCTION 4u         /* of CPU time as programs say it */

/* Of a turn of that actor, and of its start. */
VK_INLINE uint64_t interp_turn_reductions(const struct interp_actor *actor)
{
    return actor->cpu_ns ? actor->cpu_ns / INTERP_NS_PER_REDUCTION : INTERP_TURN_REDUCTIONS;
}

#endif
