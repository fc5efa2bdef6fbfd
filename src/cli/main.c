#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/heap.h"
#include "tuban/status.h"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} command;

static const command commands[] = {
    {"run", command_run, "run a job: imagery of two dates in, parcels out"},
    {"plan", command_plan, "what a job or a pair of images would cost"},
    {"info", command_info, "what the engine sees of a file"},
    {"fit", command_fit, "sample two images and fit the model"},
    {"detect", command_detect, "change between two images, as rasters"},
    {"vectorize", command_vectorize, "polygons of a change map, without seams"},
    {"area", command_area, "ellipsoidal areas of polygons"},
    {"overlay", command_overlay, "areas of polygons on masks"},
    {"judge", command_judge, "areas and tiers of given polygons, as a job judges its own"},
    {"eval", command_eval, "accuracy of a change map or of parcels against labels"},
    {"tune", command_tune, "parameters of detection from labels, cross-validated"},
    {"tier", command_tier, "tiers and dates of parcels from their areas alone"},
    {"train", command_train, "a filter from labels, for detect --model"},
    {"synth", command_synth, "a made-up county: images, survey, and the truth"},
    {"doctor", command_doctor, "what works on this machine, and what does not"},
};

static void print_help(FILE *to)
{
    fputs(
        "tuban finds what changed on the ground between dated images. A parcel is a lead, never a "
        "verdict.\n\n"
        "usage: tuban COMMAND [OPTIONS]\n\n",
        to);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\ntuban COMMAND --help tells the options of a command.\n", to);
}

/*
 * Ends the program. What the hundred libraries that GDAL brings would free one by one the system
 * takes back at once; builds for debugging let them, so that leaks are seen.
 */
static int leave(int code)
{
#ifdef NDEBUG
    fflush(NULL);
    _exit(code);
#endif
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return TB_E_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("tuban " TUBAN_VERSION);
        return 0;
    }
    heap_wish_large_pages();
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return leave(commands[i].run(argc - 2, argv + 2));
    fprintf(stderr,
            "tuban: error: %s: expected a command, got an unknown one\ntuban --help lists them\n",
            argv[1]);
    return TB_E_USAGE;
}
