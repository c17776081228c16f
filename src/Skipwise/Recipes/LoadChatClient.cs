using Skipwise.Serving;

namespace Skipwise.Recipes;

/// <summary>Loads a model as a chat client of Microsoft.Extensions.AI.</summary>
public static class LoadChatClient
{
    /// <param name="note">receives warnings and notes for the user</param>
    /// <returns>a client that frees the model when it is disposed</returns>
    /// <exception cref="SkipwiseException">a model that cannot be read or has no chat template, or an impossible setting</exception>
    /// <example>
    /// <code>
    /// using Microsoft.Extensions.AI;
    ///
    /// using IChatClient client = LoadChatClient.Run(new() { Model = "qwen-128k" });
    /// Console.WriteLine(await client.GetResponseAsync("Who wrote it?"));
    /// </code>
    /// </example>
    public static SkipwiseChatClient Run(TextModelOptions options, IProgress<string>? note = null)
    {
        TextModel model = LoadTextModel.Run(options, note);
        if (model.Template is null)
        {
            model.Dispose();
            throw new SkipwiseException(
                $"{options.Model}: has no chat template, so it answers no conversation. Put a chat_template.jinja into the folder.");
        }
        return new SkipwiseChatClient(model, ownsModel: true);
    }
}
