package android.os;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Paths;

/** As much of Android's class as the receiver uses. */
public final class Process {
    private Process() {}

    public static int myUid() {
        try {
            return (Integer) Files.getAttribute(Paths.get("/proc/self"), "unix:uid");
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
