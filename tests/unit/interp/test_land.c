/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: bytes that the kernel brings land as objects, are kept over
 * collections, find room when there is none, and a heap that lies about itself
 * harms only itself. Method: a native of the test asks for bytes; the test
 * takes the part of the kernel.
 */
#include "interp/interp_impl.h"
#include "tests/interp/vm.h"
#include "tests/unit/test.h"
#include "vk/err.h"

#define HEAP_BYTES 65536u

static struct vm vm;
static _Alignas(4096) uint8_t heap[HEAP_BYTES];

static enum interp_say test_bring(struct interp_call *call)
{
    const struct proc_op op = {.code = PROC_OP_RECV,
                               .flags = PROC_OP_LAND,
                               .len = PROC_MESSAGE_MAX_BYTES,
                               .arg = interp_call_scalar(call, 0).u};
    if (!call->done)
        return interp_call_submit(call, &op);
    vk_assert(interp_call_landed(call).len == call->done->len);
    return interp_call_give_landed(call, call->type);
}

/* Says once that ops[] is full when it has its completion; gives how many bytes landed. */
static enum interp_say test_full(struct interp_call *call)
{
    const struct proc_op op = {.code = PROC_OP_RECV,
                               .flags = PROC_OP_LAND,
                               .len = PROC_MESSAGE_MAX_BYTES,
                               .arg = interp_call_scalar(call, 0).u};
    if (call->step++ == 0)
        return interp_call_submit(call, &op);
    if (call->step == 2)
        return INTERP_FULL;
    call->result.u = call->done ? call->done->len : 0;
    return INTERP_DONE;
}

/* As calls of actors do: an answer without room is told, and ends nothing. Gives its length, or 1000000 more.
 */
static enum interp_say test_ask(struct interp_call *call)
{
    const struct proc_op op = {.code = PROC_OP_RECV,
                               .flags = PROC_OP_LAND,
                               .len = PROC_MESSAGE_MAX_BYTES,
                               .arg = interp_call_scalar(call, 0).u};
    if (!call->done) {
        enum interp_say say = interp_call_submit(call, &op);
        interp_fiber_at(call->run, call->run->p->current)->may_refuse = true;
        return say;
    }
    vk_assert(call->done->res == 0 || interp_call_landed(call).len == 0);
    call->result.u = call->done->len + (call->done->res == -VK_ETOOBIG ? 1000000u : 0);
    return INTERP_DONE;
}

static const struct interp_native test_natives[] = {
    {"test.bring", "i>S", test_bring}, {"test.full", "i>i", test_full}, {"test.ask", "i>i", test_ask}, {0}};
static const struct interp_native *const tables[] = {interp_natives, interp_list_natives, interp_text_natives,
                                                     test_natives, NULL};

static const char head[] = "type Str str\n"
                           "type F fn > int\n"
                           "type Bring fn int > Str\n"
                           "type Repeat fn Str int > Str\n"
                           "native test.bring Bring\n"
                           "native str.repeat Repeat\n"
                           "type Full fn int > int\n"
                           "native test.full Full\n"
                           "native test.ask Full\n"
                           "data x str Str \"x\"\n"
                           "func main F 12 Str Str Str\n";

static struct proc_self *begin(const char *code)
{
    static char text[2048];
    struct vk_out out;
    struct proc_self *self = (void *)heap;
    vk_out_init(&out, text, sizeof text - 1);
    vk_out_bytes(&out, head, sizeof head - 1);
    for (size_t i = 0; code[i]; i++)
        vk_out_byte(&out, (uint8_t)code[i]);
    *out.at = 0;
    vm.natives = tables;
    int rc = vm_load(&vm, text);
    if (rc)
        test_fail(code, vm.assembly.error, vm.refusal.why ? vm.refusal.why : "");
    interp_program_init(&vm.program, "test", &vm.image, interp_image_find(&vm.image, VK_SPAN_LIT("main")),
                        HEAP_BYTES, 1ull << 60);
    memset(heap, 0, sizeof heap);
    self->heap = (struct vk_heap){sizeof *self, HEAP_BYTES};
    vm.program.program.start(&vm.program.program, self);
    return self;
}

/* What was asked for: arg bytes, "abcabc.."; PROC_LAND_NOBODY or where they landed. */
static uint32_t bring(struct proc_self *self, const struct proc_op *op)
{
    uint32_t len = (uint32_t)op->arg;
    uint32_t off = len ? vm.program.program.land(&vm.program.program, self, op->tag, len) : 1;
    if (off == PROC_LAND_FULL) {
        self->done[self->done_count++] = (struct proc_done){.tag = op->tag, .len = len, .res = -VK_ETOOBIG};
        return off;
    }
    if (off == 0 || off == PROC_LAND_NOBODY) {
        self->land_len = off ? 0 : len;
        self->land_tag = op->tag;
        return off;
    }
    for (uint32_t i = 0; i < len; i++)
        heap[off + i] = (uint8_t)('a' + i % 3);
    self->done[self->done_count++] = (struct proc_done){.tag = op->tag, .len = len};
    return off;
}

/* Runs until the end; *ret_asked: how often room was asked for in vain. */
static int run(struct proc_self *self, uint32_t *ret_asked)
{
    const struct proc_program *program = &vm.program.program;
    struct proc_op kept = {0};
    int value = PROC_RUN_AGAIN;
    *ret_asked = 0;
    for (uint32_t i = 0; i < 10000 && (value == PROC_RUN_AGAIN || value == PROC_RUN_WAIT); i++) {
        self->budget = PROC_BUDGET;
        self->land_len = 0;
        self->done_count = 0;
        if (kept.code && !self->is_busy && bring(self, &kept))
            kept.code = 0;
        *ret_asked += self->land_len != 0;
        value = program->resume(program, self);
        if (self->ops_count && self->ops[0].code == PROC_OP_RECV)
            kept = self->ops[0];
        self->ops_count = 0;
    }
    interp_program_state(self, &vm.state);
    return value;
}

TEST(interp_land, bytes_become_a_text)
{
    uint32_t asked;
    struct proc_self *self =
        begin(" LDI 8 10\n CALLN 8 test.bring 0\n SLEN 8 0\n BYTE 9 0 8\n RETS 9\nend\n");
    CHECK_EQ(run(self, &asked), PROC_RUN_FAIL); /* the byte behind the last */
    CHECK_EQ(vm.state.trap, INTERP_TRAP_INDEX);
    self = begin(" LDI 8 10\n CALLN 8 test.bring 0\n SLEN 8 0\n ADDI 8 8 -1\n BYTE 9 0 8\n RETS 9\nend\n");
    CHECK_EQ(run(self, &asked), PROC_RUN_END);
    CHECK_EQ(vm.state.result, 'a');
}

TEST(interp_land, a_completion_comes_again_when_ops_are_full)
{
    uint32_t asked;
    struct proc_self *self = begin(" LDI 8 10\n CALLN 8 test.full\n RETS 8\nend\n");
    CHECK_EQ(run(self, &asked), PROC_RUN_END);
    CHECK_EQ(vm.state.result, 10);
}

TEST(interp_land, nothing_is_an_empty_text)
{
    uint32_t asked;
    struct proc_self *self = begin(" LDI 8 0\n CALLN 8 test.bring 0\n SLEN 8 0\n RETS 8\nend\n");
    CHECK_EQ(run(self, &asked), PROC_RUN_END);
    CHECK_EQ(vm.state.result, 0);
}

/* 100 texts of 2500 bytes, each dropped for the next, and one that stays. */
static const char many[] = " LDI 8 500\n CALLN 8 test.bring 2\n"
                           " LDI 3 0\n LDI 4 100\n LDI 5 0\n"
                           "head:\n LDI 8 2500\n CALLN 8 test.bring 0\n"
                           " SLEN 9 0\n ADD 5 5 9\n"
                           " MOVR 8 0\n LDI 9 1\n CALLN 8 str.repeat 1\n"
                           " SLEN 9 1\n ADD 5 5 9\n"
                           " LOOP 3 head\n"
                           " SLEN 9 2\n ADD 5 5 9\n RETS 5\nend\n";

TEST(interp_land, collections_make_room_and_keep_what_is_used)
{
    uint32_t asked;
    struct proc_self *self = begin(many);
    CHECK_EQ(run(self, &asked), PROC_RUN_END);
    CHECK_EQ(vm.state.result, 100 * 5000 + 500);
    CHECK(asked > 0);
    CHECK(vm.state.collections > 0);
}

TEST(interp_land, more_than_the_heap_has_is_out_of_memory)
{
    uint32_t asked;
    struct proc_self *self =
        begin(" LDI 8 30000\n CALLN 8 test.bring 0\n LDK 8 60000\n CALLN 8 test.bring 1\n"
              " SLEN 9 0\n SLEN 8 1\n RETS 9\nend\n");
    CHECK_EQ(run(self, &asked), PROC_RUN_FAIL);
    CHECK_EQ(vm.state.trap, INTERP_TRAP_MEMORY);
}

TEST(interp_land, an_answer_without_room_may_end_only_its_op)
{
    uint32_t asked;
    struct proc_self *self = begin(" LDK 8 60000\n CALLN 8 test.ask\n MOV 3 8\n"
                                   " LDI 8 20000\n CALLN 8 test.ask\n ADD 3 3 8\n"
                                   " LDK 8 50000\n CALLN 8 test.ask\n ADD 3 3 8\n RETS 3\nend\n");
    CHECK_EQ(run(self, &asked), PROC_RUN_END);
    CHECK_EQ(vm.state.result, 1060000 + 20000 + 1050000);
    CHECK(asked >= 2 &&
          asked <= 3); /* each once, the one that fits where everything is collected each time */
}

/* Every word of the state and of the first objects in turn becomes nonsense: what lands lands inside. */
TEST(interp_land, heap_that_lies_harms_only_itself)
{
    static const uint32_t values[] = {0,          1,           8,           HEAP_BYTES - 8,
                                      HEAP_BYTES, 0x7fffffffu, 0x80000000u, 0xffffffffu};
    static uint8_t saved[HEAP_BYTES];
    struct proc_self *self = begin(" LDI 8 10\n CALLN 8 test.bring 0\n SLEN 8 0\n RETS 8\nend\n");
    const struct proc_program *program = &vm.program.program;
    self->budget = PROC_BUDGET;
    CHECK_EQ(program->resume(program, self), PROC_RUN_WAIT);
    const struct proc_op op = self->ops[0];
    memcpy(saved, heap, sizeof heap);
    for (uint32_t at = INTERP_PROCESS_OFF; at < INTERP_PROCESS_OFF + 1024; at += 4)
        for (size_t i = 0; i < VK_COUNT(values); i++) {
            memcpy(heap, saved, sizeof heap);
            memcpy(heap + at, &values[i], 4);
            for (uint32_t len = 1; len <= PROC_MESSAGE_MAX_BYTES; len *= 16) {
                uint32_t off = program->land(program, self, op.tag, len);
                if (off != 0 && off < PROC_LAND_FULL)
                    CHECK(off < HEAP_BYTES && len <= HEAP_BYTES - off);
            }
        }
}
