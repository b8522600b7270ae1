package android.net;

/** As much of Android's class as the receiver uses. */
public class Credentials {
    private final int uid;

    Credentials(int uid) {
        this.uid = uid;
    }

    public int getUid() {
        return uid;
    }
}
