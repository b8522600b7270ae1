package android.net;

import java.io.IOException;

/** As much of Android's class as the receiver uses, over the native code that is under Android's. */
public class LocalServerSocket {
    private final int fd;

    public LocalServerSocket(String name) throws IOException {
        fd = Native.check(Native.bind(name), "bind");
    }

    public LocalSocket accept() throws IOException {
        return new LocalSocket(Native.check(Native.accept(fd), "accept"));
    }

    public void close() {
        Native.close(fd);
    }
}
