#include "lint/rule.h"

#include <strings.h>

static const struct pp_rule rules[PP_RULE_COUNT] = {
    [PP_RULE_UNPADDED] =
        {"PP001", PP_SEVERITY_ERROR, "a default path without its padding",
         "The path is written as it is on a default installation. Nothing is written\n"
         "over it, so the file names a folder that is not there on another one. This is\n"
         "also what is left of a placeholder where a tool took slashes for superfluous:\n"
         "realpath, os.path.normpath, dh_link, cmake.\n"
         "\n"
         "Mend it: build with the padded path, or let pathpatch pad do it at the end of\n"
         "the build."},
    [PP_RULE_SHORT] =
        {"PP002", PP_SEVERITY_ERROR, "a placeholder whose padding is too short",
         "There are more slashes behind the path than one, and fewer than the\n"
         "placeholder has: it was cut, or the table was another one when it was built.\n"
         "It is not found when files are patched. A path that was put together as\n"
         "\"a//b\" looks the same.\n"
         "\n"
         "Mend it: find what cuts it; pathpatch pad makes it whole."},
    [PP_RULE_LONG] =
        {"PP003", PP_SEVERITY_WARNING, "a placeholder whose padding is too long",
         "There are at least two slashes behind the placeholder that do not belong to\n"
         "it. It is patched, and they stay: the path is longer than it need be, and\n"
         "passes the limits of shebangs, sockets or PATH_MAX sooner. Often a value was\n"
         "padded twice, or the table was another one when it was built."},
    [PP_RULE_EXECUTABLE] =
        {"PP004", PP_SEVERITY_WARNING, "a path in a program",
         "ELF files, scripts with a shebang and files with an execute bit are left as\n"
         "they are when files are patched, padded or not.\n"
         "\n"
         "Mend it: let the program read the path from its environment or from a file\n"
         "that is patched. Suppress it where the path does not matter: a shebang that\n"
         "is resolved at run time, say."},
    [PP_RULE_FORMAT] =
        {"PP005", PP_SEVERITY_WARNING, "a path in a format that cannot be patched",
         "The file carries sums, or an order, over its content, or it is compressed in\n"
         "a way that cannot be written again: SQLite, PDF, PNG, lz4 and others. It is\n"
         "left as it is.\n"
         "\n"
         "Mend it: make the file when the package is configured, or ship it in another\n"
         "format."},
    [PP_RULE_MESSAGE_ID] =
        {"PP006", PP_SEVERITY_WARNING, "a path in a gettext message id",
         "Programs look up translations by the id that they were compiled with. An id\n"
         "that is patched is not found, so ids stay as they are.\n"
         "\n"
         "Mend it: write the message with %s in place of the path."},
    [PP_RULE_SIGNED] = {"PP007", PP_SEVERITY_WARNING, "a path in a signed archive",
                        "Its signature would not hold any more, so the archive is left as it is.\n"
                        "\n"
                        "Mend it: ship it unsigned, or take the path out before it is signed."},
    [PP_RULE_BROKEN] =
        {"PP008", PP_SEVERITY_ERROR, "a path with escapes or line breaks in it",
         "Slashes are written otherwise (%2F in a URL, &#47;, \\u002f), something stands\n"
         "between its characters (backslashes in JSON, sed and regular expressions,\n"
         "escapes of no width in roff and HTML), or the line is folded: quoted-printable,\n"
         "manifests, hand-wrapped text, man pages that were formatted with hyphens. Its\n"
         "bytes are not those of the placeholder, and it is not patched.\n"
         "\n"
         "Mend it: write the path in one piece, without escapes: JSON takes plain\n"
         "slashes, sed and perl other separators; ship man pages unformatted."},
    [PP_RULE_SHEBANG] =
        {"PP009", PP_SEVERITY_ERROR, "a shebang of more than 127 bytes",
         "Linux before 5.1 reads so much of a script's first line and no more; the\n"
         "interpreter's path is cut there, and the script does not run.\n"
         "\n"
         "Mend it: give the interpreter without padding (it runs on a default\n"
         "installation, and where shebangs are resolved at run time)."},
    [PP_RULE_SYMLINK] =
        {"PP010", PP_SEVERITY_WARNING, "a symlink that leads out of the root",
         "Its target is not below a default path, or has more \"..\" than folders above\n"
         "it. Nothing is patched through a symlink, and on another installation it may\n"
         "lead nowhere, or to another user's files."},
    [PP_RULE_SOCKET] =
        {"PP011", PP_SEVERITY_WARNING, "the path of a socket of more than 107 bytes",
         "sun_path of unix(7) holds 107 bytes and a NUL. The padding counts: a daemon\n"
         "that takes the path from this file as it is cannot bind it, and its clients\n"
         "cannot connect.\n"
         "\n"
         "Mend it: choose a shorter name, or let the program drop double slashes."},
    [PP_RULE_CONFFILE] =
        {"PP012", PP_SEVERITY_INFO, "a conffile with a placeholder",
         "It is patched before dpkg looks at it, so that dpkg records the patched\n"
         "content and does not ask about it. With other values it is written anew and\n"
         "then looks edited to dpkg. A file that the user does not edit need not be a\n"
         "conffile."},
    [PP_RULE_CONTROL_FILE] =
        {"PP013", PP_SEVERITY_WARNING, "a path in a control file or maintainer script",
         "dpkg runs and reads these as they were shipped: nothing is written over a\n"
         "placeholder in there. pathpatch deb --relocate changes them.\n"
         "\n"
         "Mend it: let a script take the path from the environment or from a file of\n"
         "the package."},
    [PP_RULE_NO_FIELD] =
        {"PP014", PP_SEVERITY_ERROR, "placeholders, and no field Dynamic-Variables",
         "Without the field the package is not patched when it is installed.\n"
         "\n"
         "Mend it: build with dh_pathpatch, or add \"Dynamic-Variables: yes\" to the\n"
         "binary package's control file."},
    [PP_RULE_NO_TRIGGER] =
        {"PP015", PP_SEVERITY_ERROR, "the field Dynamic-Variables, and no trigger",
         "Without \"activate-noawait pathpatch\" in its triggers the package is patched\n"
         "only when another one is.\n"
         "\n"
         "Mend it: build with dh_pathpatch, or add the line to its triggers file."},
    [PP_RULE_UNREAD] =
        {"PP016", PP_SEVERITY_WARNING, "content that cannot be looked into",
         "It is damaged, over a limit, or in a format that is not known from inside. A\n"
         "placeholder in it is neither found nor patched."},
};

const char *pp_severity_name(enum pp_severity severity) {
    static const char *const names[] = {"info", "warning", "error"};

    return names[severity];
}

const struct pp_rule *pp_rule(size_t index) {
    return &rules[index];
}

const struct pp_rule *pp_rule_find(const char *code) {
    for (size_t i = 1; i < PP_RULE_COUNT; i++)
        if (strcasecmp(rules[i].code, code) == 0)
            return &rules[i];
    return NULL;
}
