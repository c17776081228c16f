using Microsoft.Win32.SafeHandles;

namespace Skipwise.Storage;

/// <summary>Positioned reads that fill the destination or fail with an error that names the place.</summary>
internal static class FileBytes
{
    /// <summary>Fills the destination.</summary>
    /// <exception cref="SkipwiseException">the file ends before the destination is full, or the disk fails</exception>
    public static void Read(SafeFileHandle handle, Span<byte> destination, long offset, string path)
    {
        while (destination.Length > 0)
        {
            int read;
            try
            {
                read = RandomAccess.Read(handle, destination, offset);
            }
            catch (IOException e)
            {
                throw new SkipwiseException($"{path}: reading failed at byte {offset}: {e.Message}", e);
            }
            if (read == 0)
            {
                throw new SkipwiseException($"{path}: ends at byte {offset}: it became shorter while it was being read");
            }
            destination = destination[read..];
            offset += read;
        }
    }

    /// <summary>Reads bytes from <paramref name="offset"/> on. The caller has checked the file's length.</summary>
    public static byte[] Read(SafeFileHandle handle, long offset, int count, string path)
    {
        byte[] bytes = new byte[count];
        Read(handle, bytes, offset, path);
        return bytes;
    }
}
