namespace Skipwise.Tests;

public sealed class ShownTests
{
    [Fact]
    public void A_text_that_differs_or_is_missing_is_a_failure()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["__snapshots__"]);
        File.WriteAllText(folder["__snapshots__/page.snap"], "two\nlines\n");
        Shown.EqualIn(folder.Path, "page", "two\nlines\n");
        Assert.ThrowsAny<Exception>(() => Shown.EqualIn(folder.Path, "page", "two\nother lines\n"));
        Assert.ThrowsAny<Exception>(() => Shown.EqualIn(folder.Path, "new", "two\nlines\n"));
    }
}
