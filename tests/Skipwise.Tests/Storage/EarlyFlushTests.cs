using Skipwise.Storage;

namespace Skipwise.Tests.Storage;

/// <summary>A file goes to the disk while it is written, and a disk that fails meanwhile is no secret.</summary>
public sealed class EarlyFlushTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly TempFolder _temp = new();

    public void Dispose()
    {
        FileSystem.Before.Value = null;
        _temp.Dispose();
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void A_flush_comes_after_some_bytes_and_its_error_is_told(bool fails)
    {
        using var flushed = new ManualResetEventSlim();
        FileSystem.Before.Value = (step, _) =>
        {
            if (step == "sync early")
            {
                flushed.Set();
                if (fails)
                {
                    throw new IOException("the disk is gone");
                }
            }
        };
        using FileStream file = File.Create(_temp["file"]);
        var early = new EarlyFlush(file, bytes: 100, milliseconds: 1);
        file.Write(new byte[99]);
        file.Flush();
        Assert.False(flushed.Wait(TimeSpan.FromMilliseconds(50)));
        file.Write(new byte[1]);
        file.Flush();
        Assert.True(flushed.Wait(s_patience));
        early.Dispose();
        early.Dispose(); // twice, as of a file that cannot be committed
        if (fails)
        {
            Assert.Equal("the disk is gone", Assert.Throws<IOException>(early.RequireSuccess).Message);
        }
        else
        {
            early.RequireSuccess();
        }
    }
}
