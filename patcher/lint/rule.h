/* What lint looks for: every rule has a code that stays, a severity and an explanation. */
#ifndef PP_LINT_RULE_H
#define PP_LINT_RULE_H

#include <stddef.h>

enum pp_severity { PP_SEVERITY_INFO, PP_SEVERITY_WARNING, PP_SEVERITY_ERROR };

/* In the order of their codes, from PP001 on. A code is never given to another rule. */
enum pp_rule_index {
    PP_RULE_UNPADDED = 1,
    PP_RULE_SHORT,
    PP_RULE_LONG,
    PP_RULE_EXECUTABLE,
    PP_RULE_FORMAT,
    PP_RULE_MESSAGE_ID,
    PP_RULE_SIGNED,
    PP_RULE_BROKEN,
    PP_RULE_SHEBANG,
    PP_RULE_SYMLINK,
    PP_RULE_SOCKET,
    PP_RULE_CONFFILE,
    PP_RULE_CONTROL_FILE,
    PP_RULE_NO_FIELD,
    PP_RULE_NO_TRIGGER,
    PP_RULE_UNREAD,
    PP_RULE_COUNT
};

struct pp_rule {
    const char *code; /* "PP001" */
    enum pp_severity severity;
    const char *summary;     /* some words, no full stop */
    const char *explanation; /* lines of at most 79 bytes, the last one without its LF */
};

/* "info", "warning" or "error". */
const char *pp_severity_name(enum pp_severity severity);

/* Of an enum pp_rule_index. */
const struct pp_rule *pp_rule(size_t index);
/* By code, in capitals or not; NULL. */
const struct pp_rule *pp_rule_find(const char *code);

#endif
