/* SPDX-License-Identifier: Apache-2.0 */
/* `vkd metal`: a program as a bootable image, and the image in a virtual machine. */
#include "metal/app/ports.h"
#include "vkd/command.h"
#include "vkd/complain.h"
#include "vkd/image.h"
#include "vkd/listener.h"
#include "vkd/load.h"
#include "vkd/machine.h"
#include "vkd/options.h"
#include "vkd/relay.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY_DEFAULT_MIB 64u
#define MEMORY_MIN_MIB     8u
#define MEMORY_MAX_MIB     4096u /* the image uses what lies below 4 GiB */
#define MODULE_PARTS       4u    /* a module takes one part of so many of the memory at most */
#define APPEND_BYTES       768u  /* of --append; an image takes 1023 bytes in all */

struct flags {
    struct vkd_machine machine;
    const char *path;
    const char *image; /* --image; NULL: none is kept */
    struct proc_addr listen;
    bool prints;
};

/* ---- flags --------------------------------------------------------------------------- */

static int set_listen(struct flags *f, const char *value)
{
    int rc = vkd_addr_parse(value, &f->listen);
    if (rc == -VK_ERANGE)
        return vkd_usage_error(&vkd_command_metal, "--listen '%s': a port is 0 to 65535", value);
    if (rc != 0)
        return vkd_usage_error(
            &vkd_command_metal,
            "--listen '%s': expected ADDR:PORT with an address of the host, as in 127.0.0.1:8080 or "
            "[::1]:8080",
            value);
    return 0;
}

/* "64" and "64M" are MiB, "1G" are GiB. */
static int set_memory(struct flags *f, const char *value)
{
    char *end;
    bool is_number = value[0] >= '0' && value[0] <= '9';
    unsigned long mib = is_number ? strtoul(value, &end, 10) : 0;
    if (is_number && strcmp(end, "G") == 0 && mib <= MEMORY_MAX_MIB)
        mib *= 1024;
    else if (!is_number || (end[0] != '\0' && strcmp(end, "M") != 0))
        return vkd_usage_error(&vkd_command_metal,
                               "--memory '%s': expected MiB, as in 64 or 64M, or GiB, as in 1G", value);
    if (mib < MEMORY_MIN_MIB || mib > MEMORY_MAX_MIB)
        return vkd_usage_error(&vkd_command_metal, "--memory '%s': a machine has %u MiB to %u MiB", value,
                               MEMORY_MIN_MIB, MEMORY_MAX_MIB);
    f->machine.memory_mib = (uint32_t)mib;
    return 0;
}

static int set_accel(struct flags *f, const char *value)
{
    if (strcmp(value, "tcg") == 0)
        f->machine.accel = VKD_ACCEL_TCG;
    else if (strcmp(value, "kvm") == 0)
        f->machine.accel = VKD_ACCEL_KVM;
    else if (strcmp(value, "auto") == 0)
        f->machine.accel = VKD_ACCEL_AUTO;
    else
        return vkd_usage_error(&vkd_command_metal, "--accel '%s': expected tcg, kvm or auto", value);
    return 0;
}

static int set_machine(struct flags *f, const char *value)
{
    if (strcmp(value, "microvm") == 0)
        f->machine.kind = VKD_MACHINE_MICROVM;
    else if (strcmp(value, "q35") == 0)
        f->machine.kind = VKD_MACHINE_Q35;
    else
        return vkd_usage_error(&vkd_command_metal, "--machine '%s': expected microvm or q35", value);
    return 0;
}

/* The first word that begins so; NULL: there is none. */
static const char *find_word(const char *words, const char *beginning)
{
    for (const char *at = words; *at != '\0'; at += strcspn(at, " "), at += strspn(at, " "))
        if (strncmp(at, beginning, strlen(beginning)) == 0)
            return at;
    return NULL;
}

/* Where the machine is reached is arranged here, with the host's ports that lead to it. */
static int set_append(struct flags *f, const char *value)
{
    const char *listen = find_word(value, "listen="), *ip = find_word(value, "ip=");
    if (strlen(value) > APPEND_BYTES)
        return vkd_usage_error(&vkd_command_metal, "--append: at most %u bytes", APPEND_BYTES);
    if (listen != NULL)
        return vkd_usage_error(
            &vkd_command_metal,
            "--append '%.*s': where it is reached is said by --listen; the word is for images that "
            "are booted otherwise",
            (int)strcspn(listen, " "), listen);
    if (ip != NULL)
        return vkd_usage_error(
            &vkd_command_metal,
            "--append '%.*s': the machine's address is what QEMU's network expects; the word is for "
            "images that are booted otherwise",
            (int)strcspn(ip, " "), ip);
    f->machine.append = value;
    return 0;
}

static int set_image(struct flags *f, const char *value)
{
    if (value[0] == '\0' || vkd_ends_with(value, ".vk") || vkd_ends_with(value, ".vkb"))
        return vkd_usage_error(&vkd_command_metal,
                               "--image '%s': expected a name for the image, as in app.elf", value);
    f->image = value;
    return 0;
}

static const struct {
    const char *name;
    int (*set)(struct flags *f, const char *value);
} flags_all[] = {
    {"--listen", set_listen},   {"--memory", set_memory}, {"--accel", set_accel},
    {"--machine", set_machine}, {"--append", set_append}, {"--image", set_image},
};

/* One flag with its value, from argv[*at] on; *at moves behind it. */
static int parse_flag(struct flags *f, int argc, char *const *argv, int *at, uint32_t *seen)
{
    const char *argument = argv[(*at)++], *value = strchr(argument, '=');
    size_t len = strcspn(argument, "="), i = 0;
    while (i < VK_COUNT(flags_all) &&
           (strlen(flags_all[i].name) != len || memcmp(argument, flags_all[i].name, len) != 0))
        i++;
    if (i == VK_COUNT(flags_all))
        return vkd_usage_error(&vkd_command_metal, "unknown flag '%s'", argument);
    if (*seen & 1u << i)
        return vkd_usage_error(&vkd_command_metal, "%s is given twice", flags_all[i].name);
    *seen |= 1u << i;
    if (value == NULL && *at >= argc)
        return vkd_usage_error(&vkd_command_metal, "%s needs a value", argument);
    return flags_all[i].set(f, value != NULL ? value + 1 : argv[(*at)++]);
}

static int parse(struct flags *f, int argc, char *const *argv)
{
    uint32_t seen = 0;
    int rc = 0;
    *f = (struct flags){.listen = {.family = 4, .ip = {127, 0, 0, 1}, .port = 8080},
                        .machine = {.memory_mib = MEMORY_DEFAULT_MIB, .append = ""}};
    for (int at = 1; at < argc && rc == 0;) {
        if (strcmp(argv[at], "--print") == 0) {
            f->prints = true;
            at++;
        } else if (argv[at][0] == '-') {
            rc = parse_flag(f, argc, argv, &at, &seen);
        } else if (f->path != NULL) {
            rc = vkd_usage_error(&vkd_command_metal, "one file at a time");
        } else {
            f->path = argv[at++];
        }
    }
    if (rc == 0 && f->prints && f->listen.family == 6)
        return vkd_usage_error(
            &vkd_command_metal,
            "--print shows QEMU's command, and QEMU forwards IPv4 alone: give --listen such an address");
    if (rc != 0 || f->path != NULL)
        return rc;
    (void)vkd_usage_error(&vkd_command_metal, "which file?");
    return VKD_EXIT_USAGE;
}

/* ---- the program ------------------------------------------------------------------------ */

/* A forward for each block: the first as --listen says, the others at their own ports, or any. */
static bool make_forwards(struct flags *f, const struct net_bind_host *host)
{
    uint16_t ports[NET_LISTENERS_MAX];
    uint32_t at;
    int rc = app_ports_choose(host, 0, ports, &at);
    if (rc == -VK_EMALFORMED)
        vkd_complain("%s: http on \"%s\": expected ADDR:PORT with a numeric address, as in 127.0.0.1:8080",
                     f->path, host->blocks[at].address);
    else if (rc != 0)
        vkd_complain(
            "%s: two http blocks listen on port %u, and a machine has one address for both; give each a "
            "port of its own",
            f->path, ports[at]);
    for (uint32_t i = 0; rc == 0 && i < host->blocks_count; i++) {
        struct vkd_forward *forward = &f->machine.forwards[i];
        *forward = (struct vkd_forward){.host = {.family = 4, .ip = {127, 0, 0, 1}}, .guest_port = ports[i]};
        (void)app_port_named(&host->blocks[i], &forward->host.port); /* it could be read just before */
    }
    f->machine.forwards[0].host = f->listen;
    f->machine.forwards_count = host->blocks_count;
    return rc == 0;
}

static bool is_runnable(const struct flags *f, const struct vkd_loaded *loaded)
{
    const struct interp_services *services = interp_module_services(&loaded->code.module);
    if (loaded->host.blocks_count > 0 || (services != NULL && services->supervisors.count > 0))
        return true;
    vkd_complain("%s: there is nothing to run: it has neither an `http` block nor a `supervise` block",
                 f->path);
    return false;
}

/* Compiles and loads as the image will, so that it says here what it would refuse there. */
static bool make_image(struct flags *f, struct vkc_text *image)
{
    struct vkd_loaded loaded = {.is_silent = true, .out = f->image};
    bool is_good = vkd_load_host(f->path, net_bind_host_natives, &loaded) && is_runnable(f, &loaded) &&
                   make_forwards(f, &loaded.host);
    uint64_t room_bytes = ((uint64_t)f->machine.memory_mib << 20) / MODULE_PARTS;
    if (is_good && loaded.reads_out) {
        vkd_complain("'%s' is a source of the program and would be lost; choose another name", f->image);
        is_good = false;
    } else if (is_good &&
               (loaded.file.len > room_bytes || !vkd_image_make(loaded.file.bytes, loaded.file.len, image))) {
        vkd_complain(
            "%s: the module has %zu KiB, and a machine of %u MiB takes one of %llu KiB at most; give it "
            "more with --memory",
            f->path, loaded.file.len >> 10, f->machine.memory_mib, (unsigned long long)room_bytes >> 10);
        is_good = false;
    }
    vkd_unload(&loaded);
    return is_good;
}

/* ---- the image ---------------------------------------------------------------------------- */

/* Ports of the host, held while others are looked for, so that none is taken twice. */
struct held {
    int fds[2 * NET_LISTENERS_MAX];
    uint32_t count;
    int relayed_fd;                    /* of IPv6, to be carried to QEMU's port; -1: there is none */
    const struct vkd_forward *relayed; /* ... and that port */
};

static int hold(struct held *held, const struct proc_addr *wanted, struct proc_addr *ret_bound)
{
    int rc = vkd_listener_open(wanted, false, 1, &held->fds[held->count], ret_bound);
    held->count += rc == 0;
    return rc;
}

static void let_go(const struct held *held)
{
    for (uint32_t i = 0; i < held->count; i++)
        (void)close(held->fds[i]);
}

static bool complain_of_port(const struct proc_addr *wanted, int rc, bool by_flag)
{
    char text[VKD_ADDR_TEXT];
    vkd_addr_print(wanted, text);
    vkd_complain("cannot listen on %s: %s", text, vkd_listener_explain(-rc, by_flag));
    return false;
}

/*
 * Whether the port of the host is free; QEMU would say so in its own words,
 * and later. Port 0 becomes one that is free now.
 */
static bool take_port(struct vkd_forward *forward, struct held *held, bool by_flag)
{
    int rc = hold(held, &forward->host, &forward->shown);
    if (rc != 0)
        return complain_of_port(&forward->host, rc, by_flag);
    forward->host = forward->shown;
    return true;
}

/* IPv6 is taken here and carried to a port of QEMU's. */
static bool take_port_6(struct vkd_forward *forward, struct held *held)
{
    struct proc_addr wanted = forward->host, bound;
    int fd, rc = vkd_listener_open(&wanted, false, 1, &fd, &bound);
    if (rc != 0)
        return complain_of_port(&wanted, rc, true);
    held->relayed_fd = fd;
    held->relayed = forward;
    forward->host = (struct proc_addr){.family = 4, .ip = {127, 0, 0, 1}};
    bool is_taken = take_port(forward, held, false);
    forward->shown = bound;
    return is_taken;
}

static bool start_relay(const struct held *held, pid_t *ret_relay)
{
    if (held->relayed == NULL)
        return true;
    *ret_relay = vkd_relay_start(held->relayed_fd, held->relayed->host.port);
    return *ret_relay > 0 || complain_of_port(&held->relayed->shown, (int)*ret_relay, true);
}

static bool take_ports(struct vkd_machine *machine, pid_t *ret_relay)
{
    struct held held = {.relayed_fd = -1};
    bool is_taken = true;
    for (uint32_t i = 0; i < machine->forwards_count && is_taken; i++) {
        struct vkd_forward *forward = &machine->forwards[i];
        is_taken =
            forward->host.family == 6 ? take_port_6(forward, &held) : take_port(forward, &held, i == 0);
    }
    let_go(&held);
    is_taken = is_taken && start_relay(&held, ret_relay); /* it must not hold QEMU's ports as well */
    if (held.relayed_fd >= 0)
        (void)close(held.relayed_fd);
    return is_taken;
}

/* In a command that is only shown, a port that is free now stands for any. */
static bool choose_free_ports(struct vkd_machine *machine)
{
    struct held held = {.relayed_fd = -1};
    bool is_good = true;
    for (uint32_t i = 0; i < machine->forwards_count && is_good; i++)
        if (machine->forwards[i].host.port == 0)
            is_good = take_port(&machine->forwards[i], &held, i == 0);
    let_go(&held);
    return is_good;
}

static int keep_image(struct flags *f, const struct vkc_text *image)
{
    if (f->prints && !choose_free_ports(&f->machine))
        return VKD_EXIT_PROGRAM;
    if (!vkd_write_whole(f->image, image->bytes, image->len))
        return VKD_EXIT_PROGRAM;
    f->machine.image = f->image;
    vkd_complain("wrote %s, %zu KiB", f->image, (image->len + 1023) >> 10);
    if (f->prints)
        vkd_machine_print(&f->machine, stdout);
    return 0;
}

/* The image in a file without a name, which is gone with the last process that has it open. */
static int boot_here(struct flags *f, const struct vkc_text *image, const char *qemu)
{
    char path[32];
    int fd = memfd_create("vkd-image", 0), rc = VKD_EXIT_PROGRAM;
    if (fd < 0 || !vkd_write_all(fd, image->bytes, image->len)) {
        vkd_complain("no memory for the image: %s", strerror(errno));
        return rc;
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    f->machine.image = path;
    rc = vkd_machine_run(&f->machine, qemu);
    f->machine.image = NULL;
    (void)close(fd);
    return rc;
}

static int boot(struct flags *f, const struct vkc_text *image)
{
    char qemu[4096];
    pid_t relay = 0;
    if (!vkd_machine_find_qemu(qemu, sizeof qemu)) {
        vkd_complain(VKD_MACHINE_QEMU " is not installed; on Debian: apt-get install "
                                      "qemu-system-x86. --image FILE builds the image without it");
        return VKD_EXIT_PROGRAM;
    }
    int rc = take_ports(&f->machine, &relay) ? boot_here(f, image, qemu) : VKD_EXIT_PROGRAM;
    if (relay > 0) {
        (void)kill(relay, SIGKILL);
        (void)waitpid(relay, NULL, 0);
    }
    return rc;
}

/* app.vk to app.elf */
static void default_name(const char *path, struct vkc_text *name)
{
    size_t len = strlen(path), end = vkd_ends_with(path, ".vkb") ? 4 : vkd_ends_with(path, ".vk") ? 3 : 0;
    vkc_text_add(name, path, len - end);
    vkc_text_put(name, ".elf");
}

static int run(int argc, char *const *argv)
{
    struct flags f;
    struct vkc_text name = {0}, image = {0};
    int rc = parse(&f, argc, argv);
    if (rc != 0)
        return rc;
    if (!vkd_image_is_there()) {
        vkd_complain(
            "this vkd was built without the bare-metal image: it needs the source of lwIP (`./dev fetch`)");
        return VKD_EXIT_PROGRAM;
    }
    if (!vkd_can_read(f.path))
        return VKD_EXIT_USAGE;
    if (f.prints && f.image == NULL) {
        default_name(f.path, &name);
        f.image = name.bytes;
    }
    rc = make_image(&f, &image) ? 0 : VKD_EXIT_PROGRAM;
    if (rc == 0)
        rc = f.image != NULL ? keep_image(&f, &image) : boot(&f, &image);
    vkc_text_fini(&image);
    vkc_text_fini(&name);
    return rc;
}

const struct vkd_command vkd_command_metal = {
    .name = "metal",
    .arguments = "FILE [FLAGS]",
    .about = "boot a program as a machine of its own, in QEMU",
    .details = "FILE is a source or a module (.vkb). The machine runs no operating system: docs/metal.md.\n",
    .flags =
        "  --listen ADDR:PORT  where the host listens for the first http block; IPv6 as [::1]:8080\n"
        "                      (127.0.0.1:8080);\n"
        "                      port 0 is any that is free;\n"
        "                      other blocks are reached on 127.0.0.1, at their own ports\n"
        "  --memory SIZE       of the machine, as in 64M or 1G (64M)\n"
        "  --accel NAME        tcg, plain emulation; kvm; or auto: kvm where it is there and fast (tcg)\n"
        "  --machine NAME      microvm or q35 (microvm)\n"
        "  --append WORDS      further options of the image, as in 'guard=off slots=100'\n"
        "  --image FILE        only build: one ELF for any PVH loader, the program in it\n"
        "  --print             only build, and show the command that boots it (app.elf beside app.vk)\n"
        "\n"
        "SIGINT, SIGTERM or SIGHUP end the machine. Exit status: 0 it was told to stop; 1 it ended by\n"
        "itself or could not start; 2 the command line is wrong.\n",
    .run = run,
};
