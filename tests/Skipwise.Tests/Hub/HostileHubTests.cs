using System.Net;
using System.Text;
using Skipwise.Hub;

namespace Skipwise.Tests.Hub;

/// <summary>A server that means harm writes nothing outside of the model's place, and learns no secret.</summary>
public sealed class HostileHubTests : IDisposable
{
    private readonly PullFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData("../a.tiktoken"), InlineData("/elsewhere/a.tiktoken"), InlineData("..\\a.tiktoken"), InlineData("C:a.tiktoken")]
    [InlineData("a/../../a.tiktoken"), InlineData("a/a.tiktoken"), InlineData(".a.tiktoken"), InlineData("a\u0000.tiktoken")]
    public void A_name_that_is_a_path_is_never_written(string name)
    {
        _fixture.Hub.Small[name] = "evil"u8.ToArray();
        _fixture.IsWhole(_fixture.Pull().Folder);
        Assert.DoesNotContain(Directory.GetFiles(_fixture.Home, "*", SearchOption.AllDirectories),
            file => File.ReadAllText(file) == "evil");
    }

    [Theory]
    [InlineData("../evil.safetensors"), InlineData("/etc/passwd"), InlineData("a/b.safetensors"), InlineData("..")]
    public void An_index_that_leads_elsewhere_is_refused(string shard)
    {
        _fixture.Hub.Small["model.safetensors.index.json"] = PullFixture.Index("a", PullFixture.First, "b", shard);
        _fixture.Hub.Large[shard] = "evil"u8.ToArray();
        Assert.Contains($"key weight_map.b: the repository has no file \"{shard}\"", _fixture.Refused());
        Assert.False(File.Exists(Path.Combine(_fixture.Snapshot, "config.json")));
    }

    [Theory]
    [InlineData("""{"sha": "../../../evil", "siblings": []}""", "is no commit")]
    [InlineData("""{"sha": "SHA", "siblings": [{"rfilename": "config.json", "size": 2, "blobId": "../evil"}]}""", "is no hash of a file")]
    [InlineData("""{"sha": "SHA", "siblings": [{"rfilename": "config.json", "size": -2}]}""", "is no size of a file")]
    [InlineData("""{"sha": "SHA", "siblings": [{"rfilename": 3}]}""", "is Number where a string was expected")]
    [InlineData("""{"sha": "SHA", "siblings": {}}""", "is Object where an array was expected")]
    [InlineData("""{"sha": "SHA"}""", "has no \"siblings\"")]
    [InlineData("<html>Sign in to the hotel's network</html>", "is no JSON")]
    [InlineData("[]", "an object was expected")]
    [InlineData("", "is no JSON")]
    public void An_answer_of_another_form_is_refused(string answer, string complaint)
    {
        Answer(context => context.Response.OutputStream.Write(
            Encoding.UTF8.GetBytes(answer.Replace("SHA", _fixture.Hub.Commit, StringComparison.Ordinal))));
        Assert.Contains(complaint, _fixture.Refused());
        Assert.False(Directory.Exists(_fixture.Settings.Cache));
    }

    [Theory]
    [InlineData("file:///etc/passwd"), InlineData("ftp://127.0.0.1/a")]
    public void A_redirect_to_another_kind_of_address_is_refused(string location)
    {
        Answer(context => (context.Response.StatusCode, context.Response.RedirectLocation) = (302, location));
        Assert.Contains("is not safe", _fixture.Refused());
    }

    [Fact]
    public void Redirects_end()
    {
        Answer(context => (context.Response.StatusCode, context.Response.RedirectLocation) = (302, context.Request.Url!.ToString()));
        Assert.Contains("without end", _fixture.Refused());
        Assert.InRange(_fixture.Hub.Requests.Count, 2, 20);
    }

    [Fact]
    public void A_range_that_was_not_asked_for_is_refused()
    {
        _fixture.Hub.Cuts[PullFixture.First] = new([100_000]);
        _fixture.Hub.Intercept = context =>
        {
            bool continues = context.Request.Headers["Range"] is not null;
            if (continues)
            {
                context.Response.StatusCode = 206;
                context.Response.AddHeader("Content-Range", "bytes 7-9/3000000");
                context.Response.OutputStream.Write([1, 2, 3]);
                context.Response.Close();
            }
            return continues;
        };
        Assert.Contains("asked for bytes from 100000 on of 3000000, the server sends bytes 7-9/3000000", _fixture.Refused());
    }

    [Theory]
    [InlineData("org/tiny", "org/tiny@main"), InlineData("org/tiny@v1.0", "org/tiny@v1.0")]
    [InlineData("o-1/t_2.x@refs/pr/3", "o-1/t_2.x@refs/pr/3")]
    public void Names_of_models(string text, string expected)
    {
        HubModelId id = HubModelId.Parse(text);
        Assert.Equal(expected, $"{id.Repository}@{id.Revision}");
        Assert.Equal(text, id.ToString());
    }

    [Theory]
    [InlineData("tiny"), InlineData("/org/tiny"), InlineData("org/tiny/x"), InlineData("../tiny"), InlineData("org/..")]
    [InlineData("org/tiny@../x"), InlineData("org/tiny@/x"), InlineData("org/tiny@"), InlineData("./org"), InlineData("org\\tiny")]
    [InlineData("org/ti ny")]
    [InlineData("a--b/c"), InlineData("org/tiny@a//b"), InlineData("org/tiny\n"), InlineData("org/tiny@main\n")]
    public void Other_texts_are_no_names(string text)
    {
        Assert.Null(HubModelId.TryParse(text));
        Assert.Contains("ORG/NAME", _fixture.Refused(text));
        Assert.Empty(_fixture.Hub.Requests);
    }

    private void Answer(Action<HttpListenerContext> write) => _fixture.Hub.Intercept = context =>
    {
        write(context);
        context.Response.Close();
        return true;
    };
}
