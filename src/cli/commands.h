/** The subcommands: each takes the arguments after its name and returns an exit code. */
#ifndef TUBAN_CLI_COMMANDS_H
#define TUBAN_CLI_COMMANDS_H

int command_area(int argc, char **argv);
int command_detect(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_fit(int argc, char **argv);
int command_info(int argc, char **argv);
int command_judge(int argc, char **argv);
int command_overlay(int argc, char **argv);
int command_plan(int argc, char **argv);
int command_run(int argc, char **argv);
int command_synth(int argc, char **argv);
int command_tier(int argc, char **argv);
int command_tune(int argc, char **argv);
int command_train(int argc, char **argv);
int command_vectorize(int argc, char **argv);

#endif
