using Skipwise.Hub;

namespace Skipwise.Tests.Hub;

/// <summary>Address, token and cache are where Hugging Face's own programs look for them.</summary>
public sealed class HubSettingsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("HF_HOME={0}/h", "{0}/h/hub"), InlineData("XDG_CACHE_HOME={0}/x", "{0}/x/huggingface/hub")]
    [InlineData("HF_HOME={0}/h HF_HUB_CACHE={0}/c", "{0}/c"), InlineData("HUGGINGFACE_HUB_CACHE={0}/old", "{0}/old")]
    [InlineData("HF_HUB_CACHE={0}/c HUGGINGFACE_HUB_CACHE={0}/old", "{0}/c")]
    [InlineData("DISK={0}/d HF_HOME=$DISK/h", "{0}/d/h/hub"), InlineData("DISK={0}/d HF_HUB_CACHE=${DISK}x", "{0}/dx")]
    [InlineData("HF_HUB_CACHE={0}/$NONE", "{0}/$NONE")]
    public void The_cache(string variables, string expected) =>
        Assert.Equal(Filled(expected), Of($"{variables} HF_TOKEN=x").Cache);

    [Fact]
    public void Without_variables_all_is_in_the_home()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        HubSettings settings = Of("HF_TOKEN=x");
        Assert.Equal(Path.Combine(home, ".cache/huggingface/hub"), settings.Cache);
        Assert.Equal("https://huggingface.co/", settings.Endpoint.ToString());
        Assert.False(settings.IsOffline);
        Assert.Equal(Path.Combine(home, "c"), Of("HF_TOKEN=x HF_HUB_CACHE=~/c").Cache);
    }

    [Fact]
    public void The_token()
    {
        _folder.Write("h/token", "hf_file\n");
        _folder.Write("other", " hf_other ");
        Assert.Equal(("hf_file", _folder["h/token"]), Token("HF_HOME={0}/h"));
        Assert.Equal(("hf_other", _folder["other"]), Token("HF_HOME={0}/h HF_TOKEN_PATH={0}/other"));
        Assert.Equal(("hf_variable", "HF_TOKEN"), Token("HF_HOME={0}/h HF_TOKEN=hf_variable"));
        Assert.Equal((null, null), Token("HF_HOME={0}/none"));
        _folder.Write("h/token", "two\nlines: of a header");
        SkipwiseException error = Assert.Throws<SkipwiseException>(() => Token("HF_HOME={0}/h"));
        Assert.Contains("holds no access token", error.Message);
        Assert.DoesNotContain("lines", error.Message);

        (string?, string?) Token(string variables) => Of(variables) is var settings ? (settings.Token, settings.TokenSource) : default;
    }

    [Theory]
    [InlineData("https://mirror.example", "https://mirror.example/"), InlineData("https://a.example/hf/", "https://a.example/hf/")]
    public void The_address(string value, string expected) =>
        Assert.Equal(expected, Of($"HF_TOKEN=x HF_ENDPOINT={value}").Endpoint.ToString());

    [Theory]
    [InlineData("mirror"), InlineData("ftp://mirror.example"), InlineData("/etc")]
    public void An_address_that_is_none_is_refused(string value) =>
        Assert.Contains("HF_ENDPOINT", Assert.Throws<SkipwiseException>(() => Of($"HF_TOKEN=x HF_ENDPOINT={value}")).Message);

    [Theory]
    [InlineData("1", true), InlineData("true", true), InlineData("ON", true), InlineData("0", false), InlineData("no", false)]
    public void Offline(string value, bool expected) => Assert.Equal(expected, Of($"HF_TOKEN=x HF_HUB_OFFLINE={value}").IsOffline);

    private HubSettings Of(string variables)
    {
        Dictionary<string, string> values = Filled(variables).Split(' ').Select(pair => pair.Split('=', 2)).ToDictionary(pair => pair[0],
            pair => pair[1]);
        return HubSettings.FromEnvironment(values.GetValueOrDefault);
    }

    private string Filled(string text) => text.Replace("{0}", _folder.Path, StringComparison.Ordinal);
}
