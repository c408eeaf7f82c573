/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/interp/vm.h"

#include "vk/err.h"

int vm_assemble(struct vm *vm, const char *text)
{
    vm->file_bytes = asm_module(&vm->assembly, text, vm->file, sizeof vm->file);
    return vm->file_bytes ? 0 : -VK_EINVAL;
}

static void keep_line(struct vm *vm, const uint8_t *bytes, uint32_t len)
{
    if (vm->log_len + len + 2 > sizeof vm->log)
        return;
    memcpy(vm->log + vm->log_len, bytes, len);
    vm->log_len += len;
    vm->log[vm->log_len++] = '\n';
    vm->log[vm->log_len] = 0;
}

static void keep_let_line(void *context, struct vk_span line)
{
    keep_line(context, line.ptr, (uint32_t)line.len);
}

/* Looks at all it is given, and gives what it needs the heap for; what is None or empty fails. */
static int ask(void *context, struct interp_host_call *call)
{
    (void)context;
    struct vk_span first = interp_host_text(call, 0);
    double sum = interp_host_float(call, 1);
    for (uint64_t i = 0; i < interp_host_len(call, 2); i++)
        sum += (double)interp_host_text_at(call, 2, i).len;
    if (!interp_host_is_some(call, 3) || interp_host_int(call, 3) < 0 || first.len == 0)
        return interp_host_fail(call, vk_span(first.ptr, first.len / 2));
    return sum < 0 ? interp_host_give_none(call) : interp_host_give_text(call, first);
}

static const struct interp_hosts *usual_hosts(void)
{
    static struct interp_host_function function = {
        .name = "ask", .text = "fn(Str, Float, List<Str>, Int?) -> Result<Str?, Str>", .fn = ask};
    static const struct interp_hosts hosts = {.functions = &function, .count = 1};
    bool is_read = interp_signature_read(vk_span_text(function.text), &function.signature);
    vk_assert(is_read);
    return &hosts;
}

int vm_open(struct vm *vm)
{
    static const struct interp_native *const usual[] = {interp_natives, interp_list_natives,
                                                        interp_text_natives, NULL};
    const struct interp_image_options options = {
        .natives = vm->natives ? vm->natives : usual,
        .hosts = vm->hosts ? vm->hosts : usual_hosts(),
        .lets_bytes = VM_LETS_BYTES,
        .hash_key = {.sip = {1, 2}, .factor = {0x0123456789abcdefu, 0xfedcba9876543211u}, .summand = {3, 4}}};
    int rc = interp_module_open(&vm->module, vm->file, vm->file_bytes, &vm->refusal);
    if (!rc && interp_verify_scratch_bytes(&vm->module) > sizeof vm->scratch)
        rc = -VK_ENOMEM;
    if (!rc)
        rc = interp_verify(&vm->module, vm->scratch, &vm->refusal);
    if (!rc && interp_image_bytes(&vm->module, VM_LETS_BYTES) > sizeof vm->memory)
        rc = -VK_ENOMEM;
    if (!rc) {
        memset(vm->memory, 0, interp_image_bytes(&vm->module, VM_LETS_BYTES));
        rc = interp_image_init(&vm->image, &vm->module, vm->memory, &options, &vm->refusal);
    }
    if (!rc) {
        const struct interp_freeze_options freeze = {.heap = vm->lets_heap,
                                                     .heap_bytes = sizeof vm->lets_heap,
                                                     .reductions = (uint64_t)vm->runs_max * PROC_BUDGET,
                                                     .log = keep_let_line,
                                                     .context = vm};
        vm->log_len = 0;
        vm->log[0] = 0;
        rc = interp_freeze(&vm->image, &freeze, &vm->lets_refusal);
    }
    return rc;
}

int vm_load(struct vm *vm, const char *text)
{
    int rc = vm_assemble(vm, text);
    return rc ? rc : vm_open(vm);
}

/* The kernel's part: log lines are kept, everything else completes. */
static void take_ops(struct vm *vm, struct proc_self *self)
{
    if (self->is_busy) /* nothing is delivered; there are no ops either */
        return;
    self->done_count = 0;
    for (uint32_t i = 0; i < self->ops_count; i++) {
        const struct proc_op *op = &self->ops[i];
        if (op->code == PROC_OP_LOG)
            keep_line(vm, (const uint8_t *)self + op->off, op->len);
        if (op->code == PROC_OP_SLEEP)
            self->now_ns += op->arg;
        if (!(op->flags & PROC_OP_SILENT))
            self->done[self->done_count++] = (struct proc_done){.tag = op->tag};
    }
    self->ops_count = 0;
}

int vm_run(struct vm *vm, const char *function, void *heap, uint32_t heap_bytes)
{
    size_t len = 0;
    while (function[len])
        len++;
    uint32_t index = interp_image_find(&vm->image, vk_span(function, len));
    vk_assert(index != INTERP_NOWHERE);
    return vm_run_at(vm, index, heap, heap_bytes);
}

int vm_run_at(struct vm *vm, uint32_t index, void *heap, uint32_t heap_bytes)
{
    struct proc_self *self = heap;
    interp_program_init(&vm->program, "test", &vm->image, index, heap_bytes, 1ull << 60);
    const struct proc_program *program = &vm->program.program;
    memset(heap, 0, VK_PAGE_BYTES); /* head and state */
    self->heap = (struct vk_heap){sizeof *self, heap_bytes};
    program->start(program, self);
    vm->log_len = 0;
    vm->log[0] = 0;
    int value = PROC_RUN_AGAIN;
    for (vm->runs = 0; value == PROC_RUN_AGAIN || value == PROC_RUN_WAIT; vm->runs++) {
        if (vm->runs_max && vm->runs == vm->runs_max)
            break;
        self->budget = PROC_BUDGET;
        value = program->resume(program, self);
        take_ops(vm, self);
    }
    interp_program_state(self, &vm->state);
    return value;
}
