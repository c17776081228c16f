namespace Skipwise.Tests;

internal static class Fixture
{
    /// <summary>Path of a file or folder under tests/Skipwise.Tests/fixtures.</summary>
    public static string Path(params string[] parts) =>
        System.IO.Path.Combine([AppContext.BaseDirectory, "fixtures", .. parts]);
}
