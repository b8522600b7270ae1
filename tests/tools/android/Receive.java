import java.io.File;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Arrays;
import org.json.JSONObject;

/** Receive NAME TOKEN-FILE SPOOL (either may be ""): an app around the receiver, for its test. */
public final class Receive {
    private Receive() {}

    public static void main(String[] args) throws Exception {
        byte[] token = null;
        if (!args[1].isEmpty()) {
            byte[] line = Files.readAllBytes(Paths.get(args[1]));
            token = Arrays.copyOf(line, line.length - 1);
        }
        File spool = args[2].isEmpty() ? null : new File(args[2]);
        JSONObject last;
        try (PathpatchReceiver receiver = new PathpatchReceiver(args[0], token, spool,
                message -> System.out.println(message))) {
            last = receiver.awaitEnd();
        }
        System.exit(last.getInt("status"));
    }
}
